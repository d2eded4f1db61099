import type { Clock } from '../ports.ts'

/** Heads that may stand for long: each local block joins them, and few cost little. */
const DEFAULT_MAX_HEADS = 16
/** So long there must be more, without a local block that would have joined them. */
const DEFAULT_HEADS_AFTER_MS = 10 * 60_000
/** The peer whose turn it is waits at random up to this long, in case somebody else writes. */
const DEFAULT_HEADS_SPREAD_MS = 60_000

/**
 * Who joins heads when there are many for long and nobody writes: the peer with the lowest ID among those that are
 * visible to each other. All at once would fork again.
 *
 * @see spec/wire-crdt.md §7.3 P8
 */
export interface HeadMerging {
  /** The ID of this peer, as text. */
  readonly self: string
  /** The IDs of the peers that may write and are visible now, as text; whether this one is among them does not matter. */
  visiblePeers(): readonly string[]
  /** Heads that may stand. Default 16. */
  readonly maxHeads?: number | undefined
  /** So long there must be more. Default 10 minutes. */
  readonly afterMs?: number | undefined
  /** Up to this long the peer waits besides, at random. Default 1 minute. */
  readonly spreadMs?: number | undefined
}

/** What the merger works with. */
export interface HeadMergerParts {
  readonly clock: Clock
  readonly random: () => number
  headCount(): number
  /** Whether local changes wait: their block joins the heads anyway. */
  isWriting(): boolean
  /** Makes an empty block over all heads. */
  merge(): Promise<void>
  failed(error: Error): void
}

/** Joins heads by an empty block, if there are many for long and it is this peer's turn. */
export class HeadMerger {
  readonly #rule: HeadMerging
  readonly #parts: HeadMergerParts
  #cancel: (() => void) | undefined
  #isClosed = false

  constructor(rule: HeadMerging, parts: HeadMergerParts) {
    this.#rule = rule
    this.#parts = parts
  }

  /** The number of heads may have changed. */
  check(): void {
    if (!this.#isDue) {
      this.#cancel?.()
      this.#cancel = undefined
    } else if (this.#cancel === undefined) {
      this.#wait((this.#rule.afterMs ?? DEFAULT_HEADS_AFTER_MS) + this.#parts.random() * this.#spreadMs)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#cancel?.()
    this.#cancel = undefined
  }

  get #isDue(): boolean {
    return !this.#isClosed && this.#parts.headCount() > (this.#rule.maxHeads ?? DEFAULT_MAX_HEADS)
  }

  get #spreadMs(): number {
    return this.#rule.spreadMs ?? DEFAULT_HEADS_SPREAD_MS
  }

  #wait(delayMs: number): void {
    const { clock } = this.#parts
    this.#cancel = clock.setTimer(clock.nowMs() + delayMs, () => {
      this.#cancel = undefined
      if (!this.#isDue) return
      if (!this.#isTurn() || this.#parts.isWriting()) {
        this.#wait(Math.max(this.#spreadMs, 1)) // who is visible changes
        return
      }
      this.#parts.merge().then(
        () => {
          this.check()
        },
        (error: unknown) => {
          this.#parts.failed(error instanceof Error ? error : new Error(String(error)))
          this.check()
        }
      )
    })
  }

  #isTurn(): boolean {
    const { self } = this.#rule
    return this.#rule.visiblePeers().every((peer) => peer >= self)
  }
}
