import {
  createNode,
  encodeBroadcast,
  type Batching,
  type CatchUpOptions,
  type CrdtOperation,
  type HeadMerging,
  type MerkleCrdtOptions
} from '../src/index.ts'
import { blocksOn, hasJournal } from './image.ts'
import { idOfCid } from './model-block.ts'
import type { Peer } from './peer.ts'
import type { World } from './world.ts'

/** Few keys, so that they are contested; one is below another. */
const KEYS = ['/a', '/b', '/c', '/a/b', '/d', '/e', '/f', '/g']

/** How long many heads stand before they are joined, at most. */
const [MERGE_AFTER_MS, MERGE_SPREAD_MS] = [3000, 1000]
/** After so long without news nobody joins heads any more. */
export const SETTLED_MS = 2 * (MERGE_AFTER_MS + MERGE_SPREAD_MS)

/** Share of peers that do not come back soon. */
const GONE_FOR_LONG = 0.08

/** What callers and strangers do. */
export class Workload {
  readonly keys = KEYS
  readonly #world: World
  readonly #seed: number
  /** How many keys this schedule uses. */
  readonly #spread: number
  #count = 0
  readonly #gone = new Set<Peer>()

  constructor(world: World, seed: number) {
    this.#world = world
    this.#seed = seed
    this.#spread = world.dice.between(1, KEYS.length)
  }

  /** How the next process of a peer works. */
  options(peer: Peer): MerkleCrdtOptions {
    const { dice } = this.#world
    return {
      ...(dice.chance(0.4) ? { batching: this.#batching() } : {}),
      formAhead: dice.chance(0.7),
      ...(dice.chance(0.7) ? { catchUp: this.#catchUp(peer) } : {}),
      ...(dice.chance(0.5) ? { headMerging: this.#headMerging(peer) } : {})
    }
  }

  #batching(): Batching {
    const { dice } = this.#world
    return { maxSize: dice.between(1, 6), maxAgeMs: dice.between(50, 3000), maxQueue: dice.between(6, 60) }
  }

  /** Small limits, so that short histories reach them. */
  #catchUp(peer: Peer): CatchUpOptions {
    const { dice } = this.#world
    return {
      topic: 'simulation',
      peers: () => peer.catchUpPeers(),
      snapshots: dice.chance(0.9),
      archive: dice.chance(0.8),
      limits: {
        maxBlocks: dice.between(4, 64),
        minBlocks: dice.between(2, 6),
        messageTimeoutMs: 2000,
        orderTimeoutMs: 4000,
        waitMs: 500,
        idleMs: 2000,
        penaltyMs: 5000,
        cooldownMs: 500,
        minSnapshotBlocks: dice.between(1, 12),
        snapshotChunkBytes: dice.between(200, 5000),
        resumeTimeoutMs: 4000
      }
    }
  }

  #headMerging(peer: Peer): HeadMerging {
    const { dice, peers } = this.#world
    const visible = (): Peer[] => peers.filter((other) => other.isUp && !this.#world.isApart(peer, other))
    return {
      self: peer.name,
      visiblePeers: () => visible().map(({ name }) => name),
      maxHeads: dice.between(1, 4),
      afterMs: dice.between(200, MERGE_AFTER_MS),
      spreadMs: MERGE_SPREAD_MS
    }
  }

  /** Somebody changes something, sometimes many at once. */
  commit(): void {
    const { dice, peers } = this.#world
    const peer = dice.pick(peers.filter(({ isUp }) => isUp))
    if (peer === undefined) return
    const calls = dice.chance(0.06) ? dice.between(5, 20) : 1
    for (let call = 0; call < calls; call += 1) {
      const operations = this.operations(dice.chance(0.7) ? 1 : dice.between(2, 4))
      peer.commit(operations, dice.chance(0.03) ? dice.random() * 50 : undefined)
    }
  }

  /** Changes of random keys; every value is unlike any other, and in no order. */
  operations(count: number): CrdtOperation[] {
    const { dice } = this.#world
    return Array.from({ length: count }, () => {
      const key = KEYS[dice.between(0, this.#spread - 1)] ?? '/a'
      if (dice.chance(0.3)) return { type: 'delete', key }
      this.#count += 1
      const text = `${dice.between(0, 9)}.${this.#count}`
      return { type: 'put', key, value: new TextEncoder().encode(text) }
    })
  }

  /** The peer will crash at one of its next commits. */
  planCrash(peer: Peer, within = 6): void {
    const { dice } = this.#world
    const isPowerLoss = dice.chance(0.5)
    peer.disk.planCrash({
      afterCommits: dice.between(1, within),
      isBefore: dice.chance(0.5),
      crash: () => {
        peer.crash(isPowerLoss)
      }
    })
  }

  /** A peer that is down comes back, unless it is gone for long: until the faults end. */
  revive(peer: Peer): void {
    if (!peer.isDown || this.#gone.has(peer)) return
    if (this.#world.dice.chance(GONE_FOR_LONG)) this.#gone.add(peer)
    else peer.start(this.options(peer))
  }

  /** A peer comes back with an empty disk, if all that it knew is known to others. */
  renew(peer: Peer): void {
    if (!peer.isDown || this.#gone.has(peer)) return
    const { peers } = this.#world
    const blocks = blocksOn(peer.disk.entries)
    if (blocks.length === 0 || hasJournal(peer.disk.entries)) return
    const others = peers.filter((other) => other !== peer)
    if (!blocks.every((text) => others.some(({ disk }) => disk.entries.get(text) !== undefined))) return
    this.#world.tell(() => `${peer.name} gets an empty disk`)
    peer.disk.edit([...peer.disk.entries].map(([text]) => ({ text, value: undefined })))
    peer.start(this.options(peer))
    // often in the middle of the snapshot that it begins with
    if (this.#world.dice.chance(0.5)) this.planCrash(peer, 16)
  }

  /** A message that is no announcement, or one of a block that nobody has. */
  lie(): void {
    const { dice, peers } = this.#world
    const from = dice.pick(peers)
    if (from === undefined) return
    const priority = BigInt(1_000_000 + this.#seed + (this.#count += 1))
    const { cid } = createNode({ elements: [], tombstones: [], priority }, [])
    const isGarbage = dice.chance(0.3)
    const data = isGarbage ? Uint8Array.of(dice.between(0, 255), dice.between(0, 255)) : encodeBroadcast([cid])
    this.#world.tell(() => `${from.name} announces ${isGarbage ? 'nonsense' : 'a block that nobody has'}`)
    for (const to of peers) this.#world.send(from.number, to, data, isGarbage ? [] : [idOfCid(cid.bytes)])
  }

  /** An operator thinks that something is missing. */
  suspect(peer: Peer): void {
    const store = peer.process?.store
    if (store === undefined || !peer.isUp) return
    this.#world.tell(() => `${peer.name} is marked dirty`)
    peer.background(() => store.markDirty())
  }
}
