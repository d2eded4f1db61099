import type { CID } from 'multiformats/cid'
import { DEFAULT_REBROADCAST_INTERVAL_MS } from '../options.ts'
import type { Clock, Logger } from '../ports.ts'
import { cidOfDigest } from '../sync/catch-up/digest.ts'
import { DEFAULT_CATCH_UP_LIMITS } from '../sync/catch-up/limits.ts'
import type { CatchUpOptions } from '../sync/catch-up/options.ts'
import { ServerLink, type CatchUpPeer } from '../sync/catch-up/server-link.ts'

/** Peers that were not asked yet, or did not answer, are asked again after so long. */
const ASK_AGAIN_MS = 1000
/** The shortest wait, of a store that has been open for long: time to ask. */
const MIN_WAIT_MS = 2000
/** Most peers asked at once. */
const MAX_ASKED = 16

/**
 * When a store that knows no heads makes its first block. Made at once, it would stand beside all that others have, with
 * the lowest priority: of concurrent changes of a key it would lose against every one, however old.
 *
 * @see spec/wire-crdt.md §7.3 P7
 */
export interface FirstWriteOptions {
  /** IDs of the peers that are here now and whose changes are taken; none: nothing is waited for. */
  visiblePeers(): readonly string[]
  /**
   * The longest wait, counted from the opening of the store. Default: the rebroadcast interval, in which every peer
   * announces its heads.
   */
  readonly maxDelayMs?: number | undefined
}

/** What the wait works with. */
export interface FirstWriteParts {
  readonly clock: Clock
  readonly log: Logger
  /** Peers that can be asked; others are waited for. */
  readonly catchUp?: CatchUpOptions | undefined
  hasHeads(): boolean
  /** A trusted peer has these heads. */
  announced(cids: readonly CID[], from: string): void
  /** The wait began or ended. */
  changed(): void
}

/** Holds the first block back until there are heads to build it on, or it is known that nobody has any, or for so long. */
export class FirstWrite {
  readonly #options: FirstWriteOptions | undefined
  readonly #maxDelayMs: number
  readonly #parts: FirstWriteParts
  readonly #stop = new AbortController()
  readonly #openedMs: number
  /** Peers that have no heads either. */
  readonly #empty = new Set<string>()
  #isOver: boolean
  #untilMs: number | undefined
  #asking: Promise<void> | undefined
  #cancelLimit: (() => void) | undefined
  #cancelAsking: (() => void) | undefined

  constructor(options: FirstWriteOptions | undefined, parts: FirstWriteParts) {
    this.#options = options
    this.#maxDelayMs = options?.maxDelayMs ?? DEFAULT_REBROADCAST_INTERVAL_MS
    this.#parts = parts
    this.#openedMs = parts.clock.nowMs()
    this.#isOver = options === undefined
  }

  /** The end of the wait at the latest; `undefined` if none is under way. */
  get untilMs(): number | undefined {
    return this.#isOver ? undefined : this.#untilMs
  }

  /** Whether the block that is due has to wait. The first time, that begins the wait. */
  holds(): boolean {
    if (this.#isOver) return false
    if (this.#parts.hasHeads() || this.#unknown.length === 0) {
      this.end()
      return false
    }
    if (this.#untilMs === undefined) this.#begin()
    return true
  }

  /** Waits no longer. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelLimit?.()
    this.#cancelAsking?.()
    this.#stop.abort()
    if (this.#untilMs !== undefined) this.#parts.changed()
  }

  /** Ends, and waits for the questions on their way. */
  async close(): Promise<void> {
    this.end()
    await this.#asking
  }

  /** Peers that may have heads. */
  get #unknown(): readonly string[] {
    return (this.#options?.visiblePeers() ?? []).filter((peer) => !this.#empty.has(peer))
  }

  #begin(): void {
    const { clock, log } = this.#parts
    const heardSinceMs = Math.max(clock.nowMs() - this.#openedMs, 0)
    const waitMs = Math.min(this.#maxDelayMs, Math.max(this.#maxDelayMs - heardSinceMs, MIN_WAIT_MS))
    this.#untilMs = clock.nowMs() + waitMs
    log.info(`the first change waits for heads of other peers, ${waitMs / 1000}s at most`)
    this.#cancelLimit = clock.setTimer(this.#untilMs, () => {
      log.warn('no heads were heard of: the first change is made without them')
      this.end()
    })
    this.#ask()
    this.#parts.changed()
  }

  #ask(): void {
    const { clock } = this.#parts
    this.#asking = this.#askAll().then(() => {
      if (this.#isOver) return
      if (this.#unknown.length === 0) {
        this.end()
        return
      }
      this.#cancelAsking = clock.setTimer(clock.nowMs() + ASK_AGAIN_MS, () => {
        this.#ask()
      })
    })
  }

  async #askAll(): Promise<void> {
    const { catchUp } = this.#parts
    if (catchUp === undefined) return
    const unknown = new Set(this.#unknown)
    const peers = catchUp.peers().filter(({ id }) => unknown.has(id))
    await Promise.all(peers.slice(0, MAX_ASKED).map((peer) => this.#askOne(peer, catchUp)))
  }

  async #askOne(peer: CatchUpPeer, { topic, limits }: CatchUpOptions): Promise<void> {
    const { clock, log } = this.#parts
    const timeoutMs = limits?.messageTimeoutMs ?? DEFAULT_CATCH_UP_LIMITS.messageTimeoutMs
    const own = { topic, heads: [], processed: 0n, features: [] }
    try {
      const link = await ServerLink.open(peer, own, { clock, signal: this.#stop.signal, timeoutMs })
      link.close()
      const { heads } = link.hello
      if (this.#isOver) return
      if (heads.length > 0) {
        this.#parts.announced(
          heads.map(({ digest }) => cidOfDigest(digest)),
          peer.id
        )
      } else if (link.has('snapshot')) this.#empty.add(peer.id) // without, it is taking in what others have
    } catch (error) {
      log.debug(`${peer.id} does not tell its heads: ${String(error)}`)
    }
  }
}
