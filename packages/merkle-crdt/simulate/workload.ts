import { createNode, encodeBroadcast, type Batching, type CrdtOperation } from '../src/index.ts'
import { idOfCid } from './model-block.ts'
import type { Peer } from './peer.ts'
import type { World } from './world.ts'

/** Few keys, so that they are contested; one is below another. */
const KEYS = ['/a', '/b', '/c', '/a/b', '/d', '/e', '/f', '/g']

/** What callers and strangers do. */
export class Workload {
  readonly keys = KEYS
  readonly #world: World
  readonly #seed: number
  /** How many keys this schedule uses. */
  readonly #spread: number
  #count = 0

  constructor(world: World, seed: number) {
    this.#world = world
    this.#seed = seed
    this.#spread = world.dice.between(1, KEYS.length)
  }

  /** How the next process of a peer gathers changes. */
  batching(): Batching | undefined {
    const { dice } = this.#world
    if (dice.chance(0.6)) return undefined
    return { maxSize: dice.between(1, 6), maxAgeMs: dice.between(50, 3000), maxQueue: dice.between(6, 60) }
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
  planCrash(peer: Peer): void {
    const { dice } = this.#world
    const isPowerLoss = dice.chance(0.5)
    peer.disk.planCrash({
      afterCommits: dice.between(1, 6),
      isBefore: dice.chance(0.5),
      crash: () => {
        peer.crash(isPowerLoss)
      }
    })
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
