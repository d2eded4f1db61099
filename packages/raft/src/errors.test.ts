import { expect, it } from 'vitest'
import { RaftError } from './errors.ts'

it('keeps code, message and cause', () => {
  const cause = new Error('below')
  const error = new RaftError('RAFT_LIMIT', 'too much', { cause })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ name: 'RaftError', code: 'RAFT_LIMIT', message: 'too much', cause })
})
