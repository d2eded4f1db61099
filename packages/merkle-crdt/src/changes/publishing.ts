import { addLocalChanges } from './local-block.ts'
import type { Batch, Entry, Publisher } from './publisher.ts'
import type { FirstWrite } from './first-write.ts'
import { OverlapRule } from './overlap-rule.ts'
import type { Clock, DagExchange, Logger } from '../ports.ts'
import type { Draft } from '../store/draft.ts'
import type { Head } from '../store/heads.ts'
import type { CrdtState } from '../store/process.ts'
import type { Job } from '../sync/jobs.ts'
import type { DeltaNode } from '../wire/node.ts'

/** A block of local changes, ready to be written. */
export interface FormedBlock extends Batch {
  readonly draft: Draft
  /** `undefined`: the changes come to nothing. */
  readonly node: DeltaNode | undefined
  /** The heads once it is written; `undefined` if they stay. */
  readonly heads: readonly Head[] | undefined
}

/** What publishing works with. */
export interface PublishingParts {
  readonly publisher: Publisher
  readonly firstWrite: FirstWrite
  readonly exchange: DagExchange
  readonly clock: Clock
  readonly log: Logger
  /** Absent: by what forming and writing cost. */
  readonly formAhead?: boolean | undefined
  state(): CrdtState
  newDraft(): Draft
  /** These blocks have to be fetched. */
  added(jobs: readonly Job[]): void
  /** A block is on the disk. */
  published(block: FormedBlock, growth: number): void
  /** A block could not be formed or written: what is in memory may be ahead of the datastore. */
  recover(error: Error): Promise<void>
  /** Something may be due. */
  wake(): void
}

/**
 * Makes blocks of local changes, each over the one before. While one is at the disk, the next one is formed, if that
 * pays; it is written when the one before is durable, and taken back when that one failed.
 *
 * @see spec/wire-crdt.md §7.3 P1
 */
export class Publishing {
  readonly #parts: PublishingParts
  readonly #rule: OverlapRule
  /** Never rejects. */
  #writing: Promise<void> | undefined
  /** Changes of the block that is at the disk. */
  #inFlight = 0
  /** What failed, until it is taken back. */
  #failure: { readonly entries: readonly Entry[]; readonly error: Error } | undefined
  #takingBack: Promise<void> | undefined
  /** How often something was. */
  #takenBack = 0

  constructor(parts: PublishingParts) {
    this.#parts = parts
    this.#rule = new OverlapRule(parts.clock, parts.formAhead)
  }

  /** Whether a block is on its way to the disk, or failed on it and is not taken back yet. */
  get isBusy(): boolean {
    return this.#writing !== undefined || this.#failure !== undefined
  }

  /** Whether {@link Publishing.next} gives something to do. */
  get isDue(): boolean {
    if (this.#failure !== undefined) return true
    return this.#maxChanges > 0
  }

  /** What is to be done next; it ends when the write has begun. */
  next(): (() => Promise<void>) | undefined {
    if (this.#failure !== undefined) return () => this.settle()
    const maxChanges = this.#maxChanges
    const batch = maxChanges === 0 ? undefined : this.#parts.publisher.take(maxChanges)
    return batch && (() => this.#publish(batch, maxChanges))
  }

  /** How many changes a block may have that is formed now; 0: none is. */
  get #maxChanges(): number {
    const { publisher, firstWrite } = this.#parts
    if (!publisher.hasDue || firstWrite.holds()) return 0
    return this.#rule.maxChanges(publisher, this.#inFlight)
  }

  /** Waits until nothing is at the disk, and makes good what failed there: then memory and datastore are the same. */
  async settle(): Promise<void> {
    await this.#writing
    await this.#takeBack([])
  }

  async #publish(batch: Batch, maxChanges: number): Promise<void> {
    const takenBack = this.#takenBack
    let block: FormedBlock | undefined
    let error: Error | undefined
    try {
      block = await this.#form(batch, this.#rule.forming(batch.entries.length, maxChanges))
    } catch (cause) {
      error = toError(cause)
    }
    await this.#writing
    // a store that is closed settles beside its turns
    if (this.#takenBack !== takenBack) error = new Error('the block before could not be written')
    if (error !== undefined) this.#failure ??= { entries: [], error }
    if (this.#failure !== undefined || block === undefined) {
      await this.#takeBack(batch.entries)
    } else {
      this.#inFlight = batch.entries.length
      this.#writing = this.#write(block).finally(() => {
        this.#writing = undefined
        this.#inFlight = 0
        this.#parts.wake()
      })
    }
  }

  async #form(batch: Batch, done: () => void): Promise<FormedBlock> {
    const { exchange } = this.#parts
    const state = this.#parts.state()
    const changesBefore = state.heads.changes
    const draft = this.#parts.newDraft()
    const made = await addLocalChanges(draft, state, batch.entries, exchange)
    this.#parts.added(made?.added ?? [])
    const heads = state.heads.changes === changesBefore ? undefined : state.heads.list()
    await draft.seal()
    done()
    return { ...batch, draft, node: made?.node, heads }
  }

  async #write(block: FormedBlock): Promise<void> {
    const done = this.#rule.writing()
    let growth: number
    try {
      growth = await block.draft.write()
    } catch (cause) {
      this.#failure = { entries: block.entries, error: toError(cause) }
      return
    }
    done()
    this.#parts.publisher.done(block.entries)
    this.#parts.published(block, growth)
  }

  /** @param entries - of a block that was formed over the one that failed */
  async #takeBack(entries: readonly Entry[]): Promise<void> {
    const failure = this.#failure
    if (failure === undefined) return
    if (this.#takingBack === undefined) {
      this.#takingBack = this.#recover([...failure.entries, ...entries], failure.error)
    } else this.#parts.publisher.failed(entries, failure.error)
    await this.#takingBack
  }

  async #recover(entries: readonly Entry[], error: Error): Promise<void> {
    this.#parts.log.error(`error creating new block: ${error.message}`)
    this.#parts.publisher.failed(entries, error)
    try {
      await this.#parts.recover(error)
    } finally {
      this.#takenBack += 1
      this.#failure = undefined
      this.#takingBack = undefined
    }
  }
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause))
}
