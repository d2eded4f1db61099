import { readFile } from 'node:fs/promises'
import { CID } from 'multiformats/cid'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { lengthPrefix, readMessages } from '@cluster/streams'
import { MAX_FRAME_BYTES } from './constants.ts'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import type { DecodedMessage } from './message.ts'

interface Entry {
  cid: string
  priority: number
  cancel: boolean
  wantType: string
  sendDontHave: boolean
}
interface Decoded {
  full?: boolean
  entries?: Entry[]
  payload?: { prefix: string; length?: number; data?: string }[]
  blocks?: { len: number; hex?: string }[]
  presences?: { type: string; cid: string }[]
  pendingBytes?: number
}
interface Step {
  note?: string
  from?: string
  frameHex?: string
  decoded?: Decoded
}
interface Scenario {
  name: string
  peer: string
  steps: Step[]
}
interface Malformed {
  cases: { name: string; sentHex?: string; stream: 'kept' | 'reset'; answers: string[] }[]
}
interface CrdtScene {
  name: string
  messages: {
    frame: string
    message: { wantlist: { entries: Entry[] } | null; payload: { prefix: string; data: string }[] }
  }[]
}

async function vectors<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../../testing/vectors/${path}`, import.meta.url), 'utf8')) as T
}

async function bodies(hex: string): Promise<Uint8Array[]> {
  const read: Uint8Array[] = []
  for await (const body of readMessages(single(Buffer.from(hex, 'hex')), { maxLength: MAX_FRAME_BYTES }))
    read.push(body)
  return read
}

// eslint-disable-next-line @typescript-eslint/require-await -- a source that has everything at hand
async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Writes a decoded message again. Field 2 blocks have no prefix on the wire, so they tell the encoding. */
function reencode(message: DecodedMessage, prefixedBlocks: boolean): string {
  const list = encodeMessage(
    {
      full: message.full,
      entries: message.entries.map((entry) => ({ ...entry, cid: entry.cid.bytes })),
      blocks: message.blocks.map(({ prefix, data }) => ({
        prefix: new Uint8ArrayList(
          lengthPrefix(prefix.version),
          lengthPrefix(prefix.codec),
          lengthPrefix(prefix.hashCode),
          lengthPrefix(prefix.digestLength)
        ).subarray(),
        data
      })),
      presences: message.presences.map(({ cid, type }) => ({ cid: cid.bytes, type })),
      pendingBytes: message.pendingBytes
    },
    prefixedBlocks
  )
  return Buffer.concat([lengthPrefix(list.byteLength), list.subarray()]).toString('hex')
}

const entryOf = ({ cid, priority, cancel, type, sendDontHave }: DecodedMessage['entries'][number]): Entry => ({
  cid: CID.decode(cid.bytes).toString(),
  priority,
  cancel,
  wantType: type === 'block' ? 'Block' : 'Have',
  sendDontHave
})

const scenarios = await vectors<Scenario[]>('bitswap/scenarios.json')
const malformed = await vectors<Malformed>('bitswap/malformed.json')
const crdt = await vectors<{ scenes: CrdtScene[] }>('crdt/bitswap.json')

describe('frames recorded between us and Go peers', () => {
  it.each(scenarios)('$name ($peer)', async ({ steps }) => {
    let frames = 0
    for (const { frameHex, decoded = {} } of steps) {
      if (frameHex === undefined || frameHex.endsWith('…')) continue
      const [body] = await bodies(frameHex)
      if (body === undefined) throw new Error('no frame')
      const message = decodeMessage(body)
      expect(message.skipped).toBe(0)
      expect(message.full).toBe(decoded.full ?? false)
      expect(message.entries.map(entryOf)).toEqual(decoded.entries ?? [])
      expect(message.blocks.map(({ data }) => data.length)).toEqual(
        (decoded.payload ?? []).map(({ length }) => length).concat((decoded.blocks ?? []).map(({ len }) => len))
      )
      expect(
        message.presences.map(({ cid, type }) => ({
          type: type === 'have' ? 'Have' : 'DontHave',
          cid: CID.decode(cid.bytes).toString()
        }))
      ).toEqual(decoded.presences ?? [])
      expect(message.pendingBytes).toBe(decoded.pendingBytes ?? 0)
      expect(reencode(message, decoded.blocks === undefined)).toBe(frameHex)
      frames += 1
    }
    expect(frames).toBeGreaterThan(0)
  })

  it('of a CRDT replica decode and encode to the same bytes', async () => {
    let frames = 0
    for (const { frame, message: expected } of crdt.scenes.flatMap(({ messages }) => messages)) {
      if (frame.endsWith('…')) continue
      const [body] = await bodies(frame)
      if (body === undefined) throw new Error('no frame')
      const message = decodeMessage(body)
      expect(message.entries.map(({ cid }) => CID.decode(cid.bytes).toString())).toEqual(
        (expected.wantlist?.entries ?? []).map(({ cid }) => cid)
      )
      expect(message.blocks.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual(
        expected.payload.map(({ data }) => data)
      )
      // Some of the recorded answers have no want list; ours always have one.
      if (expected.wantlist !== null) expect(reencode(message, true)).toBe(frame)
      frames += 1
    }
    expect(frames).toBeGreaterThan(10)
  })
})

describe('what a Go peer was sent to see when it resets the stream', () => {
  const cases = malformed.cases.flatMap(({ name, sentHex, stream }) =>
    sentHex === undefined ? [] : [{ name, sentHex, stream }]
  )
  // Digest lengths and functions are judged where blocks are verified, not where they are read.
  const judgedByTheVerifier = ['payload prefix unknown hash 0x3fff', 'payload prefix digest longer than hash']

  it.each(cases)('$name: $stream', async ({ name, sentHex, stream }) => {
    const reading = (async () => {
      const skipped: number[] = []
      for (const body of await bodies(sentHex)) skipped.push(decodeMessage(body).skipped)
      return skipped.reduce((sum, count) => sum + count, 0)
    })()
    if (stream === 'kept' || judgedByTheVerifier.includes(name)) {
      expect(await reading).toBe(0)
      return
    }
    // Where Go throws the message away for one bad element, we leave out the element: bitswap.md §4.5.
    const outcome = await reading.catch((error: unknown) => {
      expect(error).toBeInstanceOf(Error)
      return Infinity
    })
    expect(outcome).toBeGreaterThan(0)
  })

  it('accepts a body of 4 MiB and no more', async () => {
    const good = malformed.cases.find(({ name }) => name === 'good')?.sentHex
    if (good === undefined) throw new Error('no case')
    const body = Buffer.from(good, 'hex').subarray(1)
    const padded = (total: number): string => {
      const room = total - body.length - 1 - 4
      return Buffer.concat([
        lengthPrefix(total),
        body,
        Buffer.of(0x7a),
        lengthPrefix(room),
        Buffer.alloc(room)
      ]).toString('hex')
    }
    const [accepted] = await bodies(padded(MAX_FRAME_BYTES))
    expect(accepted && decodeMessage(accepted).entries.length).toBe(1)
    await expect(bodies(padded(MAX_FRAME_BYTES + 1))).rejects.toMatchObject({ code: 'too_long' })
  })
})
