import { hash } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { afterEach, describe, expect, it } from 'vitest'
import { type Bitswap, type BitswapBlockstore, type BitswapInit, createBitswap } from './index.ts'

const KiB = 1024

class MemoryBlockstore implements BitswapBlockstore {
  readonly blocks = new Map<string, Uint8Array>()

  put({ cid, bytes }: TestBlock): void {
    this.blocks.set(cid.multihash.bytes.toString(), bytes)
  }

  has(cid: CID): boolean {
    return this.blocks.has(cid.multihash.bytes.toString())
  }

  get(cid: CID): Uint8Array {
    const bytes = this.blocks.get(cid.multihash.bytes.toString())
    if (bytes === undefined) throw Object.assign(new Error('not here'), { code: 'ERR_NOT_FOUND' })
    return bytes
  }
}

interface TestBlock {
  cid: CID
  bytes: Uint8Array
}

function block(number: number, size: number, codec = 0x55): TestBlock {
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, number)
  return { cid: CID.createV1(codec, Digest.create(0x12, hash('sha256', bytes, 'buffer'))), bytes }
}

const blocksOf = (count: number, size: number): TestBlock[] => Array.from({ length: count }, (_, i) => block(i, size))

interface Peer {
  libp2p: Libp2p
  store: MemoryBlockstore
  bitswap: Bitswap
}

const peers: Peer[] = []

async function host(): Promise<Libp2p> {
  return await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({ streamOptions: { maxStreamWindowSize: 2 * KiB * KiB, maxReadBufferLength: 8 * KiB * KiB } })
    ],
    services: { identify: identify() },
    connectionManager: { inboundConnectionThreshold: Infinity }
  })
}

async function peer(init?: BitswapInit): Promise<Peer> {
  const libp2p = await host()
  const store = new MemoryBlockstore()
  const bitswap = createBitswap({ libp2p, blockstore: store }, init)
  await bitswap.start()
  const made = { libp2p, store, bitswap }
  peers.push(made)
  return made
}

/** Connects two peers, and waits until both know that the other speaks Bitswap. */
async function connect(a: Peer, b: Peer): Promise<void> {
  const both = Promise.all([available(a, b), available(b, a)])
  await a.libp2p.dial(b.libp2p.getMultiaddrs())
  await both
}

function available(at: Peer, other: Peer): Promise<void> {
  return new Promise((resolve) => {
    at.bitswap.addEventListener('peer:available', (event) => {
      if (event.detail.equals(other.libp2p.peerId)) resolve()
    })
  })
}

function once<T>(target: Bitswap, name: 'block:sent' | 'peer:unavailable'): Promise<T> {
  return new Promise((resolve) => {
    target.addEventListener(
      name,
      (event) => {
        resolve(event.detail as T)
      },
      { once: true }
    )
  })
}

async function stopAll(): Promise<void> {
  for (const { bitswap, libp2p } of peers.splice(0)) {
    await bitswap.stop()
    await libp2p.stop()
  }
}

async function fetchAll(from: Peer, blocks: readonly TestBlock[]): Promise<void> {
  const wanted = new Map(blocks.map(({ cid, bytes }) => [cid.toString(), bytes]))
  for await (const { cid, bytes } of from.bitswap.getBlocks(blocks.map((one) => one.cid))) {
    expect(Buffer.compare(bytes, wanted.get(cid.toString()) ?? new Uint8Array())).toBe(0)
    wanted.delete(cid.toString())
  }
  expect(wanted.size).toBe(0)
}

/** Resolves when it holds; looked at again with each turn of the event loop. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

const isBitswap = ({ protocol }: Stream): boolean => protocol.startsWith('/ipfs/bitswap')

afterEach(stopAll)

describe('two peers', () => {
  it('exchange one block', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const one = block(1, 5000, 0x70)
    a.store.put(one)
    const events: unknown[] = []
    const gone = once(a.bitswap, 'block:sent')
    b.bitswap.addEventListener('block:received', ({ detail: { cid, from, size, duplicate } }) => {
      events.push([cid.toString(), from.toString(), size, duplicate])
    })
    const received = await b.bitswap.wantBlock(one.cid)
    expect(received.bytes).toEqual(one.bytes)
    expect(received.from?.equals(a.libp2p.peerId)).toBe(true)
    expect(b.bitswap.stat()).toMatchObject({ wantlist: 0, blocksReceived: 1, dataReceived: 5000, dupBlksReceived: 0 })
    expect(b.bitswap.stat().toKuboJSON()).toMatchObject({ BlocksReceived: 1, Peers: [a.libp2p.peerId.toString()] })
    expect(events).toEqual([[one.cid.toString(), a.libp2p.peerId.toString(), 5000, false]])
    expect(await gone).toMatchObject({ size: 5000 })
    expect(b.bitswap.ledgerForPeer(a.libp2p.peerId)).toMatchObject({ recv: 5000, sent: 0, exchanged: 1 })
  })

  it('exchange 1000 small blocks without a duplicate', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const blocks = blocksOf(1000, 200)
    for (const one of blocks) a.store.put(one)
    await fetchAll(b, blocks)
    expect(b.bitswap.stat()).toMatchObject({ blocksReceived: 1000, dupBlksReceived: 0, wantlist: 0 })
  })

  it('exchange 64 blocks of 256 KiB', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const blocks = blocksOf(64, 256 * KiB)
    for (const one of blocks) a.store.put(one)
    await fetchAll(b, blocks)
    expect(b.bitswap.stat()).toMatchObject({ blocksReceived: 64, dupBlksReceived: 0 })
  })

  it('get a block that is stored only later', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const late = block(1, 3000)
    const wanted = b.bitswap.want(late.cid)
    await until(() => [...a.bitswap.wantlistForPeer(b.libp2p.peerId)].some(({ missing }) => missing))
    a.store.put(late)
    await a.bitswap.notify(late.cid)
    expect(await wanted).toEqual(late.bytes)
  })

  it('forget a want that was cancelled', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const never = block(1, 3000)
    const abort = new AbortController()
    const wanted = b.bitswap.want(never.cid, { signal: abort.signal })
    await until(() => [...a.bitswap.wantlistForPeer(b.libp2p.peerId)].length === 1)
    abort.abort(new Error('enough'))
    await expect(wanted).rejects.toThrow('enough')
    expect([...b.bitswap.wantlist()]).toEqual([])
    await until(() => [...a.bitswap.wantlistForPeer(b.libp2p.peerId)].length === 0)
  })

  it('find each other however late they connect', async () => {
    const [a, b] = [await peer(), await peer()]
    const one = block(1, 3000)
    a.store.put(one)
    const wanted = b.bitswap.want(one.cid)
    await connect(a, b)
    expect(await wanted).toEqual(one.bytes)
  })

  it('give a block under the CID that was asked for, whatever its codec', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const one = block(1, 3000)
    a.store.put(one)
    const asDagPb = CID.createV1(0x70, one.cid.multihash)
    const both = await Promise.all([b.bitswap.wantBlock(asDagPb), b.bitswap.wantBlock(one.cid)])
    expect(both.map(({ cid }) => cid.toString())).toEqual([asDagPb.toString(), one.cid.toString()])
    expect(b.bitswap.stat().blocksReceived).toBe(1)
  })

  it.each(['/ipfs/bitswap/1.1.0', '/ipfs/bitswap/1.0.0', '/ipfs/bitswap'])('speak %s', async (protocol) => {
    const [a, b] = [await peer({ protocols: [protocol] }), await peer()]
    await connect(a, b)
    const [here, there] = [block(1, 3000, 0x70), block(2, 3000, 0x70)]
    a.store.put(here)
    b.store.put(there)
    expect(await b.bitswap.want(here.cid)).toEqual(here.bytes)
    expect(await a.bitswap.want(there.cid)).toEqual(there.bytes)
  })

  it('open their lanes again after these were idle', async () => {
    const [a, b] = [await peer({ network: { laneIdleMs: 1 } }), await peer({ network: { laneIdleMs: 1 } })]
    await connect(a, b)
    const lanes = (): number =>
      [a, b].reduce(
        (sum, { libp2p }) =>
          sum +
          libp2p
            .getConnections()
            .flatMap(({ streams }) => streams)
            .filter(isBitswap).length,
        0
      )
    for (let round = 0; round < 3; round += 1) {
      const one = block(round, 3000)
      a.store.put(one)
      expect(await b.bitswap.want(one.cid)).toEqual(one.bytes)
      await until(() => lanes() === 0)
    }
  })

  it('go on after a stop and a start', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const waiting = b.bitswap.want(block(9, 10).cid)
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'BITSWAP_STOPPED' })
    await b.bitswap.stop()
    await rejected
    await expect(b.bitswap.want(block(9, 10).cid)).rejects.toMatchObject({ code: 'BITSWAP_NOT_STARTED' })
    await b.bitswap.start()
    const one = block(1, 3000)
    a.store.put(one)
    expect(await b.bitswap.want(one.cid)).toEqual(one.bytes)
  })
})

describe('three peers', () => {
  it('fetch from the one that has the block', async () => {
    const [a, b, c] = [await peer(), await peer(), await peer()]
    await Promise.all([connect(a, c), connect(b, c)])
    const [ofA, ofB] = [block(1, 5000), block(2, 5000)]
    a.store.put(ofA)
    b.store.put(ofB)
    expect((await c.bitswap.wantBlock(ofA.cid)).from?.equals(a.libp2p.peerId)).toBe(true)
    expect((await c.bitswap.wantBlock(ofB.cid)).from?.equals(b.libp2p.peerId)).toBe(true)
  })

  it('go on with the other when one leaves in the middle', async () => {
    const [a, b, c] = [await peer(), await peer(), await peer()]
    await Promise.all([connect(a, c), connect(b, c)])
    const blocks = blocksOf(40, 256 * KiB)
    for (const one of blocks) a.store.put(one)
    const sent = once(a.bitswap, 'block:sent')
    const fetched = fetchAll(c, blocks)
    await sent
    const left = once(c.bitswap, 'peer:unavailable')
    for (const one of blocks) b.store.put(one)
    await a.libp2p.stop()
    await left
    await fetched
    expect(c.bitswap.ledgerForPeer(b.libp2p.peerId).recv).toBeGreaterThan(0)
  })

  it('ask first who delivered before, in a session', async () => {
    const [a, b, c] = [await peer(), await peer(), await peer()]
    await Promise.all([connect(a, c), connect(b, c)])
    const blocks = blocksOf(20, 2000)
    for (const one of blocks) a.store.put(one)
    const session = c.bitswap.createSession()
    for (const { cid, bytes } of blocks) expect(await session.want(cid)).toEqual(bytes)
    const [member, ...others] = session.peers()
    expect(others).toEqual([])
    expect(member?.peer.equals(a.libp2p.peerId)).toBe(true)
    expect(member?.firstDeliveries).toBe(20)
    // Only for the first block everybody was asked.
    expect(c.bitswap.stat().blocksReceived).toBe(20)
    session.close()
    await expect(session.want(block(99, 10).cid)).rejects.toMatchObject({ code: 'BITSWAP_SESSION_CLOSED' })
  })

  it('pass a block on that one of them fetched', async () => {
    const [a, b, c] = [await peer(), await peer(), await peer()]
    await Promise.all([connect(a, b), connect(b, c)])
    const one = block(1, 3000)
    a.store.put(one)
    const atC = c.bitswap.want(one.cid)
    const bytes = await b.bitswap.want(one.cid)
    b.store.put({ cid: one.cid, bytes })
    await b.bitswap.notify(one.cid, bytes)
    expect(await atC).toEqual(one.bytes)
  })
})

it('refuses what cannot be asked for, and knows what needs no asking', async () => {
  const { bitswap } = await peer()
  const inline = CID.createV1(0x55, Digest.create(0, Uint8Array.of(1, 2, 3)))
  expect(await bitswap.want(inline)).toEqual(Uint8Array.of(1, 2, 3))
  const digest = block(1, 10).cid.multihash.digest
  const short = CID.createV1(0x55, Digest.create(0x12, digest.subarray(0, 19)))
  await expect(bitswap.want(short)).rejects.toMatchObject({ code: 'BITSWAP_INSECURE_HASH' })
  const unknown = CID.createV1(0x55, Digest.create(0x3fff, digest))
  await expect(bitswap.want(unknown)).rejects.toMatchObject({ code: 'BITSWAP_INSECURE_HASH' })
  await expect(bitswap.want('x' as never)).rejects.toMatchObject({ code: 'BITSWAP_INVALID_CID' })
  await expect(bitswap.want(block(1, 10).cid, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
  expect([...bitswap.wantlist()]).toEqual([])
  expect(() => createBitswap({ libp2p: {} as never, blockstore: {} as never }, { limits: { ownWants: 0 } })).toThrow(
    'limits.ownWants'
  )
})
