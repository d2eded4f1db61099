import { itemsOf, pinOf, timestampFromMs, type PinsetOperation } from '@cluster/api'
import {
  ManualClock,
  MemoryDatastore,
  MemoryExchangeHub,
  MemoryGossip,
  MemoryMetrics,
  settle,
  testCid,
  testContext,
  testPeerId,
  type TestContext
} from '@cluster/testing'
import type { PeerId } from '@libp2p/interface'
import { crdtConfig, CrdtConsensus, type CrdtConfig, type CrdtContext } from './index.ts'

/** Pins a CID of the tests. */
export const pin = (index: number, name = 'a pin'): PinsetOperation => ({
  type: 'pin',
  pin: pinOf(testCid(index), { name, replicationFactorMin: -1, replicationFactorMax: -1 })
})
export const unpin = (index: number): PinsetOperation => ({ type: 'unpin', cid: testCid(index) })
export const cids = (...indexes: number[]): string[] => indexes.map((index) => testCid(index).toString()).sort()

/** What is in the pinset, in its order. */
export async function pinned(consensus: CrdtConsensus): Promise<string[]> {
  const found: string[] = []
  for await (const each of itemsOf(consensus.pinset.list({}))) found.push(each.cid.toString())
  return found
}

/** Lets messages and fetches go as far as they can without time passing. */
export async function rest(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await settle()
}

/** What a peer is created with, and what a test reads back. */
export type Peer = TestContext & CrdtContext & { readonly kept: string[]; readonly datastore: MemoryDatastore }

/** Peers in one process, over gossip and an exchange in memory. */
export class World {
  readonly clock = new ManualClock()
  /** Peers that nothing reaches and that reach nobody. */
  readonly cut = new Set<PeerId>()
  /** Announcements that reached the network, where somebody else is subscribed. */
  readonly announced: { readonly from: PeerId; readonly data: Uint8Array }[] = []
  readonly metrics = new MemoryMetrics(this.clock)
  readonly hub = new MemoryExchangeHub((from, to) => this.#passes(from, to))
  readonly gossip = new MemoryGossip((from, to, _, data) => {
    if (this.announced.at(-1)?.data !== data) this.announced.push({ from, data })
    return this.#passes(from, to)
  })
  readonly #running: CrdtConsensus[] = []

  #passes(from: PeerId, to: PeerId): boolean {
    return !this.cut.has(from) && !this.cut.has(to)
  }

  peer(index: number, over: Partial<CrdtContext> = {}): Peer {
    const self = testPeerId(index)
    const kept: string[] = []
    return {
      ...testContext({ self, clock: this.clock }),
      datastore: new MemoryDatastore(),
      exchange: this.hub.join(self),
      network: {
        ...this.gossip.join(self),
        keep: (trusted, tag) => {
          kept.push(`${tag} ${trusted.toString()}`)
          return Promise.resolve()
        }
      },
      monitor: this.metrics.join(self),
      bootstrap: undefined,
      kept,
      ...over
    } as Peer
  }

  /** A consensus that is stopped with the others. */
  create(context: CrdtContext, config: Partial<CrdtConfig> = {}): CrdtConsensus {
    const consensus = new CrdtConsensus(context, { ...crdtConfig.defaults, ...config })
    this.#running.push(consensus)
    return consensus
  }

  async start(context: CrdtContext, config: Partial<CrdtConfig> = {}): Promise<CrdtConsensus> {
    const consensus = this.create(context, config)
    await consensus.start({})
    return consensus
  }

  /** The peer is seen by all others for a while. */
  ping(self: PeerId): void {
    this.metrics.deliver({
      name: 'ping',
      peer: self,
      value: '',
      expire: timestampFromMs(this.clock.nowMs() + 86_400_000),
      valid: true,
      weight: 0n,
      partitionable: false,
      receivedAt: 0n
    })
  }

  async stop(): Promise<void> {
    for (const each of this.#running.splice(0)) await each.stop({})
  }
}

/** A datastore with all that is in another now, as a disk after `kill -9`. */
export async function copyOf(
  datastore: MemoryDatastore,
  ...options: ConstructorParameters<typeof MemoryDatastore>
): Promise<MemoryDatastore> {
  const copy = new MemoryDatastore(...options)
  for await (const { key, value } of datastore.query({})) {
    await copy.commit([{ put: { key, value } }], { durable: false })
  }
  return copy
}
