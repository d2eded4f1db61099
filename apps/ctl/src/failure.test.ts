import { ApiError } from '@cluster/client'
import { describe, expect, it } from 'vitest'
import { Failure, reportOf } from './failure.ts'

describe('what goes wrong', () => {
  it('at the API is told on standard output, with exit code 2', () => {
    const error = new ApiError('REFUSED', 404, 'not found')
    expect(reportOf(error, 'text')).toEqual({
      stream: 'stdout',
      text: 'An error occurred:\n  Code: 404\n  Message: not found\n',
      exitCode: 2
    })
    expect(reportOf(error, 'json').text).toBe('{\n    "code": 404,\n    "message": "not found"\n}\n')
  })

  it('before an answer came has exit code 1', () => {
    expect(reportOf(new ApiError('UNREACHABLE', 0, 'connection refused'), 'text').exitCode).toBe(1)
  })

  it('here is told on standard error in one line', () => {
    expect(reportOf(new Failure('parsing cid', new Error('bad')), 'text')).toEqual({
      stream: 'stderr',
      text: 'error parsing cid: bad\n',
      exitCode: 1
    })
    expect(reportOf(new Error('ENOENT'), 'text').text).toBe('error : ENOENT\n')
  })
})
