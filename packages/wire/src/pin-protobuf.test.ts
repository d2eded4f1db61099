import { ClusterError, PinMode } from '@cluster/api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pinFromProtobuf, pinToProtobuf } from './index.ts'

const read = (hex: string): ReturnType<typeof pinFromProtobuf> => pinFromProtobuf(Buffer.from(hex, 'hex'))
const write = (pin: Parameters<typeof pinToProtobuf>[0]): string => Buffer.from(pinToProtobuf(pin)).toString('hex')
const nothing = read('')

function codeOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof ClusterError) return error.code
    throw error
  }
  return 'nothing thrown'
}

describe('pin as protobuf', () => {
  it('reads nothing as a bad, direct pin with empty lists', () => {
    expect(nothing).toMatchObject({ cid: undefined, type: 1, mode: PinMode.direct, maxDepth: 0, metadata: undefined })
    expect(nothing).toMatchObject({ allocations: [], origins: [], userAllocations: undefined })
    expect(write(nothing)).toBe('3200')
  })

  it('reads the deprecated metadata first, then the sorted entries over it', () => {
    const pin = read(
      '321a' + '3206' + '0a0161120131' + '3206' + '0a0162120132' + '5206' + '0a0161120133'.concat('5200')
    )
    expect(pin.metadata).toEqual(
      new Map([
        ['a', '3'],
        ['b', '2'],
        ['', '']
      ])
    )
    expect(
      write({
        ...nothing,
        metadata: new Map([
          ['b', ''],
          ['', 'x'],
          ['a', '1']
        ])
      })
    ).toBe('3212' + '5203120178' + '52060a0161120131' + '52030a0162')
  })

  it('sorts metadata by UTF-8 bytes', () => {
    const hex = write({
      ...nothing,
      metadata: new Map([
        ['\u{10000}', ''],
        ['\uffff', '']
      ])
    })
    expect(hex.indexOf('efbfbf')).toBeLessThan(hex.indexOf('f0908080'))
  })

  it('takes what is no CID for none, but no peer or origin that is not valid', () => {
    expect(read('0a03010203')).toMatchObject({ cid: undefined })
    expect(read('2a00')).toMatchObject({ reference: undefined })
    expect(codeOf(() => read('1a03010203'))).toBe('CORRUPT')
    expect(codeOf(() => read('32024a00'))).toBe('CORRUPT')
  })

  it('skips unknown fields of every wire type and merges options that come twice', () => {
    expect(read('7801' + '810100000000000000ff' + 'ea0700' + 'fd0100000000' + '32020801' + '32021002')).toMatchObject({
      replicationFactorMin: -1,
      replicationFactorMax: 1
    })
  })

  it('brings instants before 1970 back and drops parts of seconds', () => {
    const second = 1_000_000_000n
    const back = (timestamp: bigint | undefined): bigint | undefined =>
      pinFromProtobuf(pinToProtobuf({ ...nothing, timestamp })).timestamp
    expect(back(-second)).toBe(-second)
    expect(back(-second / 2n)).toBe(-second)
    expect(back(second / 2n)).toBeUndefined()
    expect(back(0n)).toBeUndefined()
    expect(back(3n * second + 1n)).toBe(3n * second)
  })

  it('brings numbers of all sizes back', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.string({ unit: 'binary' }),
        (min, depth, shardSize, name) => {
          const pin = { ...nothing, replicationFactorMin: min, maxDepth: depth, shardSize, name }
          const mode = depth === 0 ? PinMode.direct : PinMode.recursive
          expect(pinFromProtobuf(pinToProtobuf(pin))).toEqual({ ...pin, mode })
        }
      )
    )
  })

  it('answers garbage with a pin or CORRUPT', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const code = codeOf(() => pinFromProtobuf(bytes))
        expect(['CORRUPT', 'nothing thrown']).toContain(code)
      }),
      { numRuns: 2000 }
    )
    expect(codeOf(() => read('0a'))).toBe('CORRUPT')
    expect(codeOf(() => read('0b'))).toBe('CORRUPT')
    expect(codeOf(() => read('00'))).toBe('CORRUPT')
    expect(codeOf(() => read('10' + 'ff'.repeat(11)))).toBe('CORRUPT')
    expect(codeOf(() => read('32031a01ff'))).toBe('CORRUPT')
  })
})
