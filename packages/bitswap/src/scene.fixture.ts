import type { Block } from '@cluster/api'
import { ManualClock, MemoryBlocks, seededRandom, settle, testBlock } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { createBitswap } from './bitswap.ts'
import type { Bitswap } from './interface.ts'
import { type MemoryHost, MemorySwarm } from './network/memory-host.fixture.ts'
import type { BitswapInit } from './options.ts'

/** A whole engine on a host in memory. */
export interface ScenePeer {
  readonly host: MemoryHost
  readonly blocks: MemoryBlocks
  readonly bitswap: Bitswap
}

/** Whole engines that talk through memory, with a clock that stands still until it is told to move. */
export class Scene {
  readonly clock = new ManualClock()
  readonly swarm = new MemorySwarm()
  readonly peers: ScenePeer[] = []
  readonly #random = seededRandom(1)

  async peer(init?: BitswapInit): Promise<ScenePeer> {
    const { clock } = this
    const [host, blocks] = [this.swarm.host(), new MemoryBlocks()]
    const blockstore = { has: (cid: CID) => blocks.has(cid), get: (cid: CID) => blocks.get(cid) }
    const bitswap = createBitswap({ libp2p: host.libp2p, blockstore, clock, random: this.#random }, init)
    await bitswap.start()
    const made = { host, blocks, bitswap }
    this.peers.push(made)
    return made
  }

  /** So many peers, each connected with each; or, as in a ring, with so many after it only. */
  async mesh(count: number, degree = count): Promise<ScenePeer[]> {
    const peers: ScenePeer[] = []
    for (let index = 0; index < count; index += 1) peers.push(await this.peer())
    for (const [index, { host }] of peers.entries()) {
      const neighbours = [...peers.slice(index + 1), ...(degree < count ? peers.slice(0, index) : [])]
      for (const other of neighbours.slice(0, degree)) await host.dial(other.host.peerId)
    }
    return peers
  }

  /** Connects each with each. */
  async connect(...peers: ScenePeer[]): Promise<void> {
    for (const [index, { host }] of peers.entries()) {
      for (const other of peers.slice(index + 1)) await host.dial(other.host.peerId)
    }
  }

  /** Lets time pass until the promise is settled, in small steps, so that nothing that is slower than need be is hidden. */
  async during<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    const settled = new AbortController()
    const done = (): void => {
      settled.abort()
    }
    promise.then(done, done)
    const untilMs = this.clock.nowMs() + limitMs
    while (!settled.signal.aborted && this.clock.nowMs() < untilMs) await this.clock.advance(10)
    if (!settled.signal.aborted) throw new Error(`not done after ${limitMs} ms`)
    return await promise
  }

  /** A signal that aborts after so much of the time of the scene. */
  deadline(ms: number): AbortSignal {
    const controller = new AbortController()
    this.clock.setTimer(this.clock.nowMs() + ms, () => {
      controller.abort(new Error('deadline'))
    })
    return controller.signal
  }

  /** Ends all engines. @returns timers that were left behind */
  async stop(): Promise<number> {
    for (const { bitswap } of this.peers) await bitswap.stop()
    await settle()
    return this.clock.pending
  }
}

/** So many different blocks of a few bytes. */
export function blocksNamed(name: string, count: number): Block[] {
  return Array.from({ length: count }, (_, index) => testBlock(`${name} ${index}`))
}

/** Puts a block into the store of a peer, and tells its engine. */
export async function give({ blocks, bitswap }: ScenePeer, ...given: Block[]): Promise<void> {
  await blocks.put(given)
  for (const { cid } of given) await bitswap.notify(cid)
}

/** Fetches all blocks in one session. @returns how many came */
export async function fetchAll({ bitswap }: ScenePeer, wanted: readonly Block[]): Promise<number> {
  const missing = new Map(wanted.map(({ cid, bytes }) => [cid.toString(), bytes]))
  for await (const { cid, bytes } of bitswap.getBlocks(wanted.map(({ cid }) => cid))) {
    if (Buffer.compare(bytes, missing.get(cid.toString()) ?? new Uint8Array()) !== 0) throw new Error('wrong bytes')
    missing.delete(cid.toString())
  }
  return wanted.length - missing.size
}

/** What the peer wants. */
export function wantsOf({ bitswap }: Pick<ScenePeer, 'bitswap'>): string[] {
  return [...bitswap.wantlist()].map(({ cid }) => cid.toString())
}

/** What the first peer knows of the wants of the second. */
export function wantsAt(at: ScenePeer, of: ScenePeer): string[] {
  return [...at.bitswap.wantlistForPeer(of.host.peerId)].map(({ cid }) => cid.toString())
}
