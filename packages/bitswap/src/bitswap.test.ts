import { hash } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
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
  /** Called before each block is handed out. */
  onGet: () => void = () => undefined

  put({ cid, bytes }: TestBlock): void {
    this.blocks.set(cid.multihash.bytes.toString(), bytes)
  }

  has(cid: CID): boolean {
    return this.blocks.has(cid.multihash.bytes.toString())
  }

  get(cid: CID): Uint8Array {
    const bytes = this.blocks.get(cid.multihash.bytes.toString())
    if (bytes === undefined) throw Object.assign(new Error('not here'), { code: 'ERR_NOT_FOUND' })
    this.onGet()
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

async function peer(init?: BitswapInit): Promise<Peer> {
  const libp2p = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 2 * KiB * KiB, maxReadBufferLength: 8 * KiB * KiB } })],
    services: { identify: identify() },
    connectionManager: { inboundConnectionThreshold: Infinity }
  })
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

afterEach(stopAll)

describe('two peers', () => {
  it('exchange one block', async () => {
    const [a, b] = [await peer(), await peer()]
    await connect(a, b)
    const one = block(1, 5000)
    a.store.put(one)
    const received = await b.bitswap.wantBlock(one.cid)
    expect(received.bytes).toEqual(one.bytes)
    expect(received.from?.equals(a.libp2p.peerId)).toBe(true)
    expect(b.bitswap.stat()).toMatchObject({ wantlist: 0, blocksReceived: 1, dataReceived: 5000, dupBlksReceived: 0 })
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
    const before = performance.now()
    await fetchAll(b, blocks)
    console.log('64x256K', performance.now() - before)
    expect(b.bitswap.stat()).toMatchObject({ blocksReceived: 64, dupBlksReceived: 0 })
  })
})
