import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { parseCid } from '../cid/parse.ts'
import { protocolTraits } from '../wire/constants.ts'
import { decodeMessage } from '../wire/decode.ts'
import { encodeMessage } from '../wire/encode.ts'
import type { DecodedMessage } from '../wire/message.ts'
import { Server } from './server.ts'

interface Step {
  note?: string
  from?: 'us' | 'peer'
  protocol?: string
  frameHex?: string
}
interface Scenario {
  name: string
  peer: string
  steps: Step[]
}

const text = await readFile(new URL('../../../testing/vectors/bitswap/scenarios.json', import.meta.url), 'utf8')
const scenarios = (JSON.parse(text) as Scenario[]).filter(({ peer }) => peer.endsWith('server'))
const settings = {
  maxWantsPerPeer: 1024,
  remoteWants: 1024,
  targetMessageBytes: 16_384,
  wantHaveReplaceBytes: 1024,
  blockstoreConcurrency: 8,
  mayHave: () => true
}

/** The blocks that the recorded peer had. */
const recorded = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (7 * i + size) % 256)
const key = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')
const notFound = (): Error => Object.assign(new Error('not here'), { code: 'NOT_FOUND' })

function store(blocks: readonly Uint8Array[]) {
  const byDigest = new Map(blocks.map((bytes) => [key(bytes), bytes]))
  const get = (cid: CID): Uint8Array => {
    const bytes = byDigest.get(Buffer.from(cid.multihash.digest).toString('hex'))
    if (bytes === undefined) throw notFound()
    return bytes
  }
  return { byDigest, has: () => true, get, getSize: (cid: CID) => get(cid).length }
}

const bodyOf = ({ frameHex = '' }: Step): DecodedMessage => {
  const frame = Buffer.from(frameHex, 'hex')
  let start = 0
  while ((frame[start] ?? 0) >= 0x80) start += 1
  return decodeMessage(frame.subarray(start + 1))
}

/** What a message says, as a set: its order means nothing. */
const contents = ({ blocks, presences }: DecodedMessage): string[] => [
  ...blocks.map(({ prefix, data }) => `block ${prefix.version} ${prefix.codec} ${key(data)}`),
  ...presences.map(({ cid, type }) => `${type} ${CID.decode(cid.bytes).toString()}`)
]

async function answers(server: Server, protocol: string): Promise<string[]> {
  const said: string[] = []
  for (let response = await server.next('us'); response !== undefined; response = await server.next('us')) {
    const { prefixedBlocks } = protocolTraits(protocol)
    said.push(...contents(decodeMessage(encodeMessage(response.message, prefixedBlocks).subarray())))
    server.engine.sent('us', response.tasks)
  }
  return said.sort()
}

describe('the server answers as Go peers do', () => {
  it.each(scenarios)('$name', async ({ name, steps }) => {
    const stored = store(name.startsWith('DONT_HAVE then') ? [] : [13, 400, 1024, 1025, 2000].map(recorded))
    const server = new Server(settings, stored, () => undefined, new AbortController().signal)
    server.engine.peerConnected('us')
    for (const [index, step] of steps.entries()) {
      if (step.from !== 'us') continue
      const asked = bodyOf(step)
      await server.received('us', asked.entries, asked.full)
      const following = steps.slice(index + 1)
      const next = following.findIndex(({ from }) => from === 'us')
      const replies = following.slice(0, next < 0 ? undefined : next).filter(({ from }) => from === 'peer')
      const expected = replies.flatMap((reply) => contents(bodyOf(reply)))
      const protocol = replies[0]?.protocol ?? '/ipfs/bitswap/1.2.0'
      const said = await answers(server, protocol)
      if (name.startsWith('DONT_HAVE then')) {
        // The block comes after the answer, and is pushed.
        const late = bodyOf(replies.at(-1) ?? {}).blocks[0]?.data ?? new Uint8Array()
        stored.byDigest.set(key(late), late)
        const cid = asked.entries[0]?.cid
        if (cid === undefined) throw new Error('nothing was asked')
        await server.announced(cid, undefined)
        said.push(...(await answers(server, protocol)))
      }
      expect(said.sort()).toEqual(expected.sort())
    }
  })

  it('but serves an empty block, which Go denies', async () => {
    const server = new Server(settings, store([new Uint8Array()]), () => undefined, new AbortController().signal)
    server.engine.peerConnected('us')
    const scenario = scenarios.find(({ name }) => name === 'empty block')
    await server.received('us', bodyOf(scenario?.steps[0] ?? {}).entries, false)
    expect(await answers(server, '/ipfs/bitswap/1.2.0')).toEqual([`block 1 85 ${key(new Uint8Array())}`])
  })

  it('sends no push after a cancel', async () => {
    const steps = scenarios.find(({ name }) => name === 'cancel')?.steps ?? []
    const stored = store([])
    const server = new Server(settings, stored, () => undefined, new AbortController().signal)
    server.engine.peerConnected('us')
    for (const step of steps.filter(({ from }) => from === 'us')) {
      await server.received('us', bodyOf(step).entries, false)
    }
    expect([...server.engine.wantlist('us')]).toEqual([])
    const cid = parseCid(bodyOf(steps[0] ?? {}).entries[0]?.cid.bytes ?? new Uint8Array())
    if (cid === undefined) throw new Error('no cid')
    await server.announced(cid, 10)
    expect(await answers(server, '/ipfs/bitswap/1.2.0')).toEqual([])
  })
})
