import { describe, expect, it } from 'vitest'
import { parseCid, pinOptionsOf } from './pin-arguments.ts'

describe('the flags of a pin', () => {
  it('give options; --replication wins over both factors', () => {
    const flags = {
      replication: 3,
      replicationMin: 1,
      name: 'n',
      mode: 'direct',
      expireIn: '1m',
      metadata: ['a=b=c', 'd=']
    }
    const options = pinOptionsOf(flags, 1_700_000_000_000)
    expect(options).toMatchObject({ replicationFactorMin: 3, replicationFactorMax: 3, name: 'n', mode: 1 })
    expect(options.expireAt).toBe(1_700_000_060_000_000_000n)
    expect([...(options.metadata ?? [])]).toEqual([
      ['a', 'b=c'],
      ['d', '']
    ])
    expect(pinOptionsOf({ replicationMin: 1, replicationMax: 2 }, 0)).toMatchObject({
      replicationFactorMin: 1,
      replicationFactorMax: 2
    })
  })

  it.each([
    [{ allocations: 'nobody' }, 'error decoding allocations: some peer IDs could not be decoded'],
    [{ expireIn: '5' }, 'error parsing expire-in: time: missing unit in duration "5"'],
    [{ metadata: ['x'] }, 'error parsing metadata: metadata were not in the format key=value']
  ])('refuse %j', (flags, message) => {
    expect(() => pinOptionsOf(flags, 0)).toThrow(message)
  })

  it('know a CID when they see one', () => {
    expect(() => parseCid('nonsense')).toThrow(/^error parsing cid: /)
  })
})
