import type { BlockId } from '../wire/block-id.ts'
import type { Draft } from '../store/draft.ts'
import { Fifo } from './fifo.ts'
import type { Job } from './jobs.ts'
import { LookAhead } from './look-ahead.ts'
import type { DeltaNode } from '../wire/node.ts'
import type { Clock } from '../ports.ts'
import { processNode, type CrdtState } from '../store/process.ts'

/** Most blocks and bytes that one turn merges: one durable write for all of them. @see spec/wire-crdt.md §7.3 P2 */
export const MAX_TURN_BLOCKS = 256
const MAX_TURN_BYTES = 1024 * 1024
/** While blocks below are still coming, a turn waits so long for more of them: else each would cost a durable write. */
const GATHER_MS = 20

/** A block that is here and waits to be merged. */
export interface Ready {
  readonly job: Job
  readonly node: DeltaNode
  /** Whether it counts among the buffered bytes of the fetcher. */
  readonly isCounted: boolean
}

/** What a turn did. */
export interface Turn {
  readonly merged: Ready[]
  /** Jobs whose blocks have to be fetched. */
  readonly added: Job[]
}

/** What the backlog asks and tells. */
export interface BacklogParts {
  readonly clock: Clock
  readonly timeoutMs: number
  isKnown(id: BlockId): boolean | Promise<boolean>
  /** Something is due now. */
  wake(): void
  /** The block of a queued job has to be fetched, after an attempt that failed with `error`, if there was one. */
  lost(job: Job, error: Error | undefined): void
}

/** The blocks that are here: those whose turn has come, and those below them, fetched ahead. */
export class Backlog {
  readonly #parts: BacklogParts
  readonly #ahead: LookAhead
  #ready = new Fifo<Ready>()
  #isGathered = false
  #cancelGathering: (() => void) | undefined

  constructor(parts: BacklogParts) {
    this.#parts = parts
    this.#ahead = new LookAhead({
      clock: parts.clock,
      timeoutMs: parts.timeoutMs,
      isKnown: (id) => parts.isKnown(id),
      lost: (job, error) => {
        parts.lost(job, error)
      },
      quiet: () => {
        parts.wake()
      },
      arrived: (job, node) => {
        this.#ready.push({ job, node, isCounted: false })
        parts.wake()
      }
    })
  }

  /** Blocks whose turn has come. */
  get size(): number {
    return this.#ready.size
  }

  /** Blocks that are fetched ahead. */
  get fetching(): number {
    return this.#ahead.fetching
  }

  /** The block of a job was fetched. */
  push(job: Job, node: DeltaNode): void {
    this.#ready.push({ job, node, isCounted: true })
    this.#ahead.follow(node, job.walk)
    this.#parts.wake()
  }

  /** Whether it is time to merge. Announced heads never wait; what is below them gathers for a moment. */
  get isDue(): boolean {
    const next = this.#ready.peek()
    if (next === undefined) return false
    if (this.#isGathered || !next.job.isLinked || this.#ahead.isQuiet) return true
    if (this.#ahead.held + this.#ready.size >= MAX_TURN_BLOCKS) return true
    const { clock } = this.#parts
    this.#cancelGathering ??= clock.setTimer(clock.nowMs() + GATHER_MS, () => {
      this.#cancelGathering = undefined
      this.#isGathered = true
      this.#parts.wake()
    })
    return false
  }

  /**
   * Merges what is here into the draft of one write, at least one block and at most `maxBlocks`. `turn` lists what was
   * taken, also when it fails.
   */
  async merge(draft: Draft, state: CrdtState, maxBlocks: number, turn: Turn): Promise<void> {
    this.#stopGathering()
    await draft.prefetch(this.#upcoming(maxBlocks))
    let bytes = 0
    for (let next = this.#ready.peek(); next !== undefined; next = this.#ready.peek()) {
      bytes += next.node.bytes.length
      if (turn.merged.length > 0 && (turn.merged.length >= maxBlocks || bytes > MAX_TURN_BYTES)) return
      this.#ready.take()
      turn.merged.push(next)
      for (const job of await processNode(draft, state, next.node, next.job)) {
        const node = this.#ahead.take(job)
        if (node === undefined) turn.added.push(job)
        else if (node !== 'coming') this.#ready.push({ job, node, isCounted: false })
      }
    }
  }

  /** The blocks that a turn will most likely merge. */
  #upcoming(maxBlocks: number): DeltaNode[] {
    const nodes = this.#ready.first(maxBlocks).map(({ node }) => node)
    const seen = new Set(nodes.map(({ id }) => id))
    let bytes = 0
    for (const { bytes: own, linkIds } of nodes) {
      bytes += own.length
      if (bytes > MAX_TURN_BYTES) break
      for (const id of linkIds) {
        const node = nodes.length < maxBlocks && !seen.has(id) ? this.#ahead.peek(id) : undefined
        if (node === undefined) continue
        seen.add(id)
        nodes.push(node)
      }
    }
    return nodes
  }

  /** Nothing is queued any more that could need what was fetched ahead. */
  trim(): void {
    void this.#ahead.clear()
  }

  /** Forgets everything, and ends what is on its way. */
  async clear(): Promise<void> {
    this.#ready = new Fifo()
    this.#stopGathering()
    await this.#ahead.clear()
    this.#ready = new Fifo()
  }

  #stopGathering(): void {
    this.#isGathered = false
    this.#cancelGathering?.()
    this.#cancelGathering = undefined
  }
}
