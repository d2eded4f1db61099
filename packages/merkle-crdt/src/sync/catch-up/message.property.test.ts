import { seededRandom } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { CrdtError } from '../../errors.ts'
import { decodeMessage, DIGEST_BYTES, encodeMessage, MAX_ASKED_BLOCKS, type CatchUpMessage } from './message.ts'
import { decodeHeads, decodeRecords, decodeTombstones, RecordWriter, type SnapshotRecord } from './records.ts'

const ROUNDS = 300
const MAX_HEIGHT = (1n << 64n) - 1n

/** Random values of all that messages are made of. */
class Arbitrary {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
  bytes(length = this.below(200)): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
  digest(): Uint8Array {
    return this.bytes(DIGEST_BYTES)
  }
  list<T>(max: number, make: () => T): T[] {
    return Array.from({ length: this.below(max) }, make)
  }
  text(): string {
    return this.list(12, () => String.fromCodePoint(32 + this.below(0x3000))).join('')
  }
  number(): bigint {
    return this.below(4) === 0 ? MAX_HEIGHT : BigInt(this.below(2 ** 40))
  }

  message(): CatchUpMessage {
    const messages: (() => CatchUpMessage)[] = [
      () => ({
        type: 'hello',
        hello: {
          topic: this.text(),
          heads: this.list(5, () => ({ digest: this.digest(), height: this.number() })),
          processed: this.number(),
          features: this.list(5, () => this.text())
        }
      }),
      () => ({
        type: 'index',
        request: {
          below: this.list(5, () => this.digest()),
          before: this.below(2) === 0 ? undefined : { height: this.number(), digest: this.digest() },
          fromHeight: this.number(),
          limit: this.below(4097)
        }
      }),
      () => ({
        type: 'page',
        hasMore: this.below(2) === 0,
        entries: this.list(5, () => ({ height: this.number(), size: this.below(2 ** 32), digest: this.digest() }))
      }),
      () => ({ type: 'blocks', digests: this.list(9, () => this.digest()) }),
      () => ({ type: 'data', blocks: this.list(5, () => this.bytes()) }),
      () => ({
        type: 'snapshot',
        part: (['frame', 'elements', 'tops'] as const)[this.below(3)] ?? 'frame',
        cursor: this.text()
      }),
      () => ({
        type: 'chunk',
        chunk: {
          kind: (['heads', 'processed', 'tombstones', 'elements'] as const)[this.below(4)] ?? 'heads',
          data: this.bytes(),
          sha256: this.digest(),
          next: this.text()
        }
      }),
      () => ({ type: 'done', code: this.text(), missing: this.list(3, () => this.digest()) })
    ]
    const make = messages[this.below(messages.length)]
    if (make === undefined) throw new Error('no message')
    return make()
  }

  record(): SnapshotRecord {
    const candidate = () => ({ priority: this.number(), value: this.bytes() })
    const visible = (['best', 'none', candidate()] as const)[this.below(3)] ?? 'best'
    const elements = [{ digest: this.digest(), ...candidate() }]
    return {
      key: `/${this.text()}`,
      elements: [...elements, ...this.list(3, () => ({ digest: this.digest(), ...candidate() }))],
      visible
    }
  }
}

describe('messages', () => {
  test('what is written is read again', () => {
    const arbitrary = new Arbitrary(1)
    for (let round = 0; round < ROUNDS; round += 1) {
      const message = arbitrary.message()
      expect(decodeMessage(encodeMessage(message))).toEqual(message)
    }
  })

  test('damaged ones are read as something, or refused with the one error', () => {
    const arbitrary = new Arbitrary(2)
    for (let round = 0; round < ROUNDS * 10; round += 1) {
      const bytes = encodeMessage(arbitrary.message())
      if (arbitrary.below(3) === 0) bytes.set(arbitrary.bytes(1), arbitrary.below(bytes.length))
      const cut = arbitrary.below(3) === 0 ? bytes.subarray(0, arbitrary.below(bytes.length)) : bytes
      try {
        decodeMessage(cut)
      } catch (error) {
        expect(error).toBeInstanceOf(CrdtError)
        expect(error).toMatchObject({ code: 'ERR_CRDT_CATCH_UP' })
      }
    }
  })

  test('no more is taken than the limits say', () => {
    const digests = Array.from({ length: MAX_ASKED_BLOCKS + 1 }, () => new Uint8Array(DIGEST_BYTES))
    expect(() => decodeMessage(encodeMessage({ type: 'blocks', digests }))).toThrow('2049 digests')
    const features = Array.from({ length: 33 }, () => 'f')
    const hello = { topic: 't', heads: [], processed: 0n, features }
    expect(() => decodeMessage(encodeMessage({ type: 'hello', hello }))).toThrow('33 features')
  })
})

describe('records of a snapshot', () => {
  test('what is written is read again', () => {
    const arbitrary = new Arbitrary(3)
    const records = Array.from({ length: ROUNDS }, () => arbitrary.record())
    const writer = new RecordWriter()
    for (const record of records) writer.add(record)
    expect([...decodeRecords(writer.finish())]).toEqual(records)
    const tombstones = records.map(({ key }) => ({ key, digest: arbitrary.digest() }))
    for (const tombstone of tombstones) writer.addTombstone(tombstone)
    expect([...decodeTombstones(writer.finish())]).toEqual(tombstones)
    const heads = records.map(() => ({ digest: arbitrary.digest(), height: arbitrary.number() }))
    for (const head of heads) writer.addHead(head)
    expect([...decodeHeads(writer.finish())]).toEqual(heads)
  })

  test('damaged ones are refused with the one error', () => {
    const arbitrary = new Arbitrary(4)
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = arbitrary.bytes(1 + arbitrary.below(60))
      for (const decode of [decodeRecords, decodeTombstones, decodeHeads]) {
        try {
          expect([...decode(bytes)].length).toBeGreaterThanOrEqual(0)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_CRDT_CATCH_UP' })
        }
      }
    }
  })
})
