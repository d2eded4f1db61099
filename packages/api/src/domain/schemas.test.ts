import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { DEFAULT_ADD_PARAMS } from './add.ts'
import { ZERO_PIN_OPTIONS } from './pin.ts'
import { addParamsSchema, pinOptionsSchema } from './schemas.ts'

describe('the schemas', () => {
  it('give what is left out its default', () => {
    expect(ZERO_PIN_OPTIONS).toMatchObject({ replicationFactorMin: 0, name: '', mode: 0, shardSize: 0n })
    expect(ZERO_PIN_OPTIONS.metadata).toBeUndefined()
    expect(DEFAULT_ADD_PARAMS).toMatchObject({ chunker: 'size-262144', shardSize: 104_857_600n, streamChannels: true })
    expect(pinOptionsSchema.parse({ name: 'x' })).toEqual({ ...ZERO_PIN_OPTIONS, name: 'x' })
  })

  it('keep every field that is given', () => {
    const pinUpdate = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
    const given = { replicationFactorMin: -1, pinUpdate, metadata: new Map([['a', 'b']]), expireAt: 7n }
    expect(pinOptionsSchema.parse(given)).toMatchObject(given)
  })

  it.each([
    [{ replicationFactorMin: -2 }, 'replicationFactorMin'],
    [{ replicationFactorMax: 1.5 }, 'replicationFactorMax'],
    [{ mode: 7 }, 'mode'],
    [{ pinUpdate: 'Qm' }, 'pinUpdate'],
    [{ userAllocations: ['12D3'] }, 'userAllocations'],
    [{ origins: ['/ip4/1.2.3.4'] }, 'origins'],
    [{ layout: 'round' }, 'layout'],
    [{ cidVersion: '1' }, 'cidVersion']
  ])('refuse %j, naming the field', (bad, field) => {
    const result = addParamsSchema.safeParse(bad)
    expect(result.error?.issues[0]?.path[0]).toBe(field)
  })

  it('document every field', () => {
    for (const [name, field] of Object.entries(addParamsSchema.shape)) expect(field.description, name).toBeTruthy()
  })
})
