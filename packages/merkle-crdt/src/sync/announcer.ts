import type { CID } from 'multiformats/cid'
import { blockIdOf, type BlockId } from '../wire/block-id.ts'
import { encodeBroadcast, MAX_HEADS_PER_BROADCAST } from '../wire/broadcast.ts'
import { deadline, wait } from './deadline.ts'
import { messageOf } from '../errors.ts'
import type { Head } from '../store/heads.ts'
import type { Broadcaster, Clock, Logger } from '../ports.ts'

/** A broadcast that takes longer is given up; the next rebroadcast brings the heads. */
const BROADCAST_TIMEOUT_MS = 10_000
/** Most heads remembered between two rebroadcasts. */
const MAX_SEEN = 100_000

/**
 * So many announcements in a row are a burst: Go peers keep 32 and drop the others while they walk the DAG, and do not
 * hear of the heads again before somebody's tick, which may be minutes later.
 *
 * @see spec/wire-crdt.md §1.9, §2.11
 */
const BURST = 16
/** A burst is over when nothing new was announced for so long. */
const QUIET_MS = 2000

/**
 * Tells other peers about heads: new ones at once, what a burst came to once more when it is over, and those that nobody
 * mentioned at each tick.
 */
export class Announcer {
  readonly #broadcaster: Broadcaster | undefined
  readonly #clock: Clock
  readonly #random: () => number
  readonly #intervalMs: number
  readonly #log: Logger
  readonly #heads: () => readonly Head[]
  readonly #stop = new AbortController()
  /** Heads that somebody announced since the last tick, and when. */
  readonly #seen = new Map<BlockId, number>()
  #fresh = new Map<BlockId, CID>()
  #flushing: Promise<void> | undefined
  #next: Promise<void> | undefined
  #cancelTick: (() => void) | undefined
  /** Announcements of this burst, of anybody, and when the last one came. */
  #burst = 0
  #lastNewsMs = -Infinity
  #cancelRepeat: (() => void) | undefined

  constructor(
    broadcaster: Broadcaster | undefined,
    clock: Clock,
    random: () => number,
    intervalMs: number,
    log: Logger,
    heads: () => readonly Head[]
  ) {
    this.#broadcaster = broadcaster
    this.#clock = clock
    this.#random = random
    this.#intervalMs = intervalMs
    this.#log = log
    this.#heads = heads
  }

  /** Begins to rebroadcast. */
  start(): void {
    this.#schedule()
  }

  /** Somebody announced the head; this peer need not, in this interval. */
  saw(cid: CID): void {
    const id = blockIdOf(cid)
    const nowMs = this.#clock.nowMs()
    if (!this.#seen.has(id)) this.#news(nowMs)
    if (this.#seen.size < MAX_SEEN) this.#seen.set(id, nowMs)
  }

  /**
   * Announces a block of this peer, which is stored and served. Blocks that it links to need no announcement any more.
   *
   * @returns when it, or a later block above it, was handed to the network; a failure is logged, not thrown
   */
  announce(cid: CID, links: readonly CID[]): Promise<void> {
    if (this.#broadcaster === undefined) return Promise.resolve()
    for (const link of links) this.#fresh.delete(blockIdOf(link))
    this.#fresh.set(blockIdOf(cid), cid)
    this.#next ??= (this.#flushing ?? Promise.resolve()).then(() => {
      this.#next = undefined
      const cids = [...this.#fresh.values()]
      this.#fresh = new Map()
      this.#flushing = this.#send(cids)
      return this.#flushing
    })
    return this.#next
  }

  /** Announces the heads that nobody has mentioned after then. */
  announceUnseen(sinceMs: number): Promise<void> {
    const isUnseen = ({ id }: Head): boolean => (this.#seen.get(id) ?? -Infinity) <= sinceMs
    return this.#send(
      this.#heads()
        .filter(isUnseen)
        .map(({ cid }) => cid)
    )
  }

  /** Ends the ticks, and waits for a message on its way. */
  async close(): Promise<void> {
    this.#cancelTick?.()
    this.#cancelRepeat?.()
    this.#stop.abort()
    await this.#next
    await this.#flushing
  }

  /** Counts what nobody announced before. */
  #news(nowMs: number): void {
    this.#burst = nowMs - this.#lastNewsMs < QUIET_MS ? this.#burst + 1 : 1
    this.#lastNewsMs = nowMs
    if (this.#burst >= BURST && this.#cancelRepeat === undefined) this.#scheduleRepeat()
  }

  /** Peers wait differently long: who comes first spares the others the message. */
  #scheduleRepeat(): void {
    if (this.#broadcaster === undefined || this.#stop.signal.aborted) return
    const dueMs = this.#lastNewsMs + QUIET_MS * (1 + this.#random())
    this.#cancelRepeat = this.#clock.setTimer(dueMs, () => {
      this.#cancelRepeat = undefined
      if (this.#clock.nowMs() - this.#lastNewsMs < QUIET_MS) this.#scheduleRepeat()
      else void this.announceUnseen(this.#lastNewsMs)
    })
  }

  #schedule(): void {
    if (this.#broadcaster === undefined || this.#stop.signal.aborted) return
    const delayMs = this.#intervalMs * (0.7 + 0.6 * this.#random())
    this.#cancelTick = this.#clock.setTimer(this.#clock.nowMs() + delayMs, () => {
      this.#schedule()
      void this.#rebroadcast()
    })
  }

  /** @see spec/wire-crdt.md §2.11 */
  async #rebroadcast(): Promise<void> {
    const unseen = this.#heads()
      .filter(({ id }) => !this.#seen.has(id))
      .map(({ cid }) => cid)
    this.#seen.clear()
    await this.#send(unseen)
  }

  async #send(cids: readonly CID[]): Promise<void> {
    for (let at = 0; at < cids.length; at += MAX_HEADS_PER_BROADCAST) {
      const part = cids.slice(at, at + MAX_HEADS_PER_BROADCAST)
      const timer = deadline(this.#clock, this.#stop.signal, BROADCAST_TIMEOUT_MS, 'broadcast')
      try {
        timer.signal.throwIfAborted()
        await wait(
          Promise.resolve(this.#broadcaster?.broadcast(encodeBroadcast(part), { signal: timer.signal })),
          timer.signal
        )
        for (const cid of part) this.saw(cid)
      } catch (error) {
        if (!this.#stop.signal.aborted) {
          this.#log.warn(`error broadcasting [${part.map(String).join(' ')}]: ${messageOf(error)}`)
        }
      } finally {
        timer.clear()
      }
    }
  }
}
