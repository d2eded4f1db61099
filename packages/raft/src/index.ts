export { RaftError } from './errors.ts'
