import { ClusterError } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import { attempt, Failure } from './failure.ts'

describe('a step of a command', () => {
  it('that fails becomes one line that says what was tried', async () => {
    const step = attempt('loading configurations', () => {
      throw new ClusterError('CONFIG_INVALID', 'cluster.secret:\n  is wrong')
    })
    await expect(step).rejects.toThrow('error loading configurations: cluster.secret: is wrong')
  })

  it('names the kind of an error that nobody expected', () => {
    expect(new Failure('x', new TypeError('y is undefined')).message).toBe('error x: TypeError: y is undefined')
    expect(new Failure('x', 'odd').message).toBe('error x: odd')
  })

  it('keeps the first words said of a failure, and passes results on', async () => {
    const inner = attempt('outer', () => attempt('inner', () => Promise.reject(new Error('broken'))))
    await expect(inner).rejects.toThrow('error inner: broken')
    expect(await attempt('x', () => 7)).toBe(7)
  })
})
