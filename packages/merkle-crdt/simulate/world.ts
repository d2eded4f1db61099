import { SimulatedClock, SimulatedNetwork, type Dice, type SimulationReport } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { BlockRegistry } from './block-registry.ts'
import { Ledger } from './ledger.ts'
import { idOfCid, readBroadcast } from './model-block.ts'
import { Peer } from './peer.ts'
import type { Process } from './process.ts'

/** Faults of the network beside those of its links; shares from 0 to 1. */
export interface Mishaps {
  /** Fetches that never end, that fail, that give other bytes. */
  hang: number
  fail: number
  garbage: number
  /** Broadcasts that fail or never end. */
  mute: number
}

/** Time after which a fetch looks again who has the block. */
const LOOK_AGAIN_MS = 400

/** All peers, what is between them, and what the simulation knows of them. */
export class World {
  readonly clock = new SimulatedClock()
  readonly dice: Dice
  readonly network: SimulatedNetwork
  readonly registry = new BlockRegistry()
  readonly ledger = new Ledger()
  readonly peers: readonly Peer[]
  readonly mishaps: Mishaps = { hang: 0, fail: 0, garbage: 0, mute: 0 }
  readonly #report: SimulationReport
  readonly #startMs: number
  #failure: { readonly error: unknown } | undefined

  constructor(dice: Dice, count: number, report: SimulationReport) {
    this.dice = dice
    this.#report = report
    this.#startMs = this.clock.nowMs()
    this.network = new SimulatedNetwork(this.clock, dice.random)
    this.peers = Array.from({ length: count }, (_, number) => new Peer(this, number))
  }

  /** A line for the trace. */
  tell(line: () => string): void {
    const { trace } = this.#report
    if (trace !== undefined) trace(`${Math.round(this.clock.nowMs() - this.#startMs)} ms: ${line()}`)
  }

  /** Something is wrong; the first time counts. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** Runs a check where a throw would be caught by the store. */
  attempt(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.fail(error)
    }
  }

  /**
   * Moves time on.
   *
   * @throws what went wrong meanwhile
   */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms, () => this.#failure !== undefined)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Moves time on until the task is done. */
  async during<T>(task: Promise<T>): Promise<T> {
    const state = { isDone: false }
    const done = task.finally(() => {
      state.isDone = true
    })
    done.catch(() => undefined)
    for (let round = 0; round < 600; round += 1) {
      await this.advance(100)
      if (state.isDone) return done
    }
    throw new Error('it takes more than a minute')
  }

  /** Hands an announcement to everybody, its sender included. */
  async publish(from: Peer, data: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const heads = readBroadcast(data)
    this.tell(() => `${from.name} announces ${heads.map(short).join(' ')}`)
    if (this.dice.chance(this.mishaps.mute)) {
      if (this.dice.chance(0.5)) throw new Error('simulated: no peers to send to')
      await new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reject(new Error('simulated: gave up'))
        })
      })
    }
    for (const to of this.peers) this.send(from.number, to, data, heads)
  }

  /** Sends a message to a peer; `heads` are the blocks it names. */
  send(from: number, to: Peer, data: Uint8Array, heads: readonly string[]): void {
    if (from === to.number) {
      this.clock.soon(() => {
        to.receive(from, data, heads)
      })
    } else {
      this.network.send(from, to.number, () => {
        to.receive(from, data, heads)
      })
    }
  }

  /** Gets a block from any peer that has it and can be reached, or waits for one. */
  async fetch(asker: Peer, process: Process, cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { hang, fail, garbage } = this.mishaps
    const dice = this.dice.random()
    for (;;) {
      await this.clock.sleep(2 * this.network.delayMs())
      if (dice < hang || !process.isAlive) await new Promise<never>(() => undefined)
      if (dice < hang + fail) throw new Error('simulated: the stream was reset')
      signal?.throwIfAborted()
      for (const peer of this.peers) {
        if (peer === asker || this.isApart(asker, peer) || peer.process === undefined) continue
        const { blocks } = peer.process
        if (!(await blocks.has(cid))) continue
        const bytes = await blocks.get(cid)
        if (dice >= hang + fail + garbage) {
          asker.fetched.add(idOfCid(cid.bytes))
          return bytes
        }
        return bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))
      }
      await this.clock.sleep(LOOK_AGAIN_MS)
    }
  }

  /** Whether two peers have no connection. */
  isApart(a: Peer, b: Peer): boolean {
    return this.network.isCut(a.number, b.number) || this.network.isCut(b.number, a.number)
  }
}

/** Enough of a block's name to tell it from others in a trace. */
function short(id: string): string {
  return id.slice(-6)
}
