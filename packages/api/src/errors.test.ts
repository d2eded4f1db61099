import { describe, expect, it } from 'vitest'
import { ClusterError, isClusterError, toClusterError } from './errors.ts'

describe('ClusterError', () => {
  it('is told by its code, also when another copy of the class made it', () => {
    const other = Object.assign(new Error('pin is not part of the pinset'), {
      name: 'ClusterError',
      code: 'NOT_IN_PINSET'
    })
    expect(isClusterError(other, 'NOT_IN_PINSET')).toBe(true)
    expect(isClusterError(other, 'TIMEOUT', 'LIMIT')).toBe(false)
    expect(isClusterError(new Error('x'))).toBe(false)
    expect(isClusterError('NOT_IN_PINSET')).toBe(false)
  })

  it('wraps what is none, once, and keeps text and cause', () => {
    const cause = new Error('disk full')
    const wrapped = toClusterError(cause, 'STORAGE')
    expect(wrapped).toMatchObject({ code: 'STORAGE', message: 'disk full', cause })
    expect(toClusterError(wrapped)).toBe(wrapped)
    expect(toClusterError(new DOMException('gone', 'AbortError')).code).toBe('ABORTED')
    expect(toClusterError('odd')).toBeInstanceOf(ClusterError)
  })
})
