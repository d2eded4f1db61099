export { MemoryDatastore, MemoryNotFoundError, type CommitHook } from './memory-datastore.ts'
