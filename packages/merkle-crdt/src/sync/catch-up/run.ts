import { messageOf } from '../../errors.ts'
import type { Clock, Logger } from '../../ports.ts'
import { deadline, wait } from '../deadline.ts'
import { digestKey } from './digest.ts'
import { ORDER_BLOCKS, ORDER_BYTES, ORDERS_PER_SERVER, type CatchUpLimits } from './limits.ts'
import { MAX_INDEX_ENTRIES, type IndexEntry } from './message.ts'
import type { Order, Prefetch } from './prefetch.ts'
import type { ServerLink } from './server-link.ts'

/** A run looks at so many pages of the index without a block that is missing here, before it ends. */
const MAX_KNOWN_PAGES = 2

/** What a {@link CatchUpRun} works with. */
export interface RunParts {
  readonly prefetch: Prefetch
  readonly limits: CatchUpLimits
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  /** Which of these blocks are merged here. */
  areKnown(entries: readonly IndexEntry[]): Promise<readonly boolean[]>
  /** Further blocks are expected. */
  expected(): void
  /** A server lied or failed. */
  failed(link: ServerLink, error: unknown): void
}

/** What a run did. */
export interface RunResult {
  /** Blocks that the walk took. */
  readonly taken: number
}

/**
 * One stretch of catching up: an index from one server, blocks from all, until the index is done or brings nothing new,
 * and the walk has taken what came.
 *
 * @see spec/wire-crdt.md §7.3 P10
 */
export class CatchUpRun {
  readonly #parts: RunParts
  readonly #links: ServerLink[]
  readonly #failed = new Set<ServerLink>()
  #isIndexDone = false
  #isEnding = false
  #underWay = 0
  #wakers: (() => void)[] = []

  constructor(parts: RunParts, links: readonly ServerLink[]) {
    this.#parts = parts
    this.#links = [...links]
    parts.prefetch.onRoom = () => {
      this.#wake()
    }
  }

  /** @param below - the blocks that the walk waits for */
  async run(below: readonly Uint8Array[]): Promise<RunResult> {
    const { prefetch } = this.#parts
    const before = prefetch.taken
    const workers = this.#links.flatMap((link) =>
      Array.from({ length: ORDERS_PER_SERVER }, () => this.#fetchFrom(link))
    )
    try {
      await this.#readIndex(below)
      this.#isIndexDone = true
      this.#wake()
      await Promise.all(workers)
      await this.#untilTaken()
    } finally {
      this.#isIndexDone = true
      this.#isEnding = true
      prefetch.onRoom = () => undefined
      prefetch.clear()
      this.#wake()
      for (const link of this.#links) link.close()
      await Promise.all(workers)
    }
    return { taken: prefetch.taken - before }
  }

  async #readIndex(below: readonly Uint8Array[]): Promise<void> {
    const { prefetch, limits } = this.#parts
    let before: IndexEntry | undefined
    let lead = this.#links.find((link) => link.isOpen && link.has('index'))
    let knownPages = 0
    while (lead !== undefined && !this.#parts.signal.aborted) {
      if (!prefetch.hasRoom()) {
        const takenBefore = prefetch.taken
        if (!(await this.#changed(limits.idleMs)) && prefetch.taken === takenBefore) return
        continue
      }
      let page: Awaited<ReturnType<ServerLink['index']>>
      try {
        page = await lead.index({ below, before, fromHeight: 0n, limit: MAX_INDEX_ENTRIES })
      } catch (error) {
        this.#fail(lead, error)
        lead = this.#links.find((link) => link.isOpen && link.has('index'))
        continue
      }
      const last = page?.entries.at(-1)
      if (page === undefined || last === undefined) {
        // it knows less than we need: another one may know more
        lead = this.#links.slice(this.#links.indexOf(lead) + 1).find((link) => link.isOpen && link.has('index'))
        continue
      }
      if (before !== undefined && last.height > before.height) {
        this.#fail(lead, new Error('the index goes up'))
        return
      }
      before = last
      const known = await this.#parts.areKnown(page.entries)
      const missing = page.entries.filter((_, index) => known[index] !== true)
      prefetch.expect(missing)
      this.#parts.expected()
      this.#wake()
      knownPages = missing.length === 0 ? knownPages + 1 : 0
      if (!page.hasMore || knownPages >= MAX_KNOWN_PAGES) return
    }
  }

  async #fetchFrom(link: ServerLink): Promise<void> {
    const { prefetch, signal, limits } = this.#parts
    while (link.isOpen && !signal.aborted) {
      const order = prefetch.order(link.peer.id, ORDER_BLOCKS, ORDER_BYTES)
      if (order !== undefined) {
        await this.#fetch(link, order)
        continue
      }
      // what orders under way do not bring is ordered anew
      if (this.#isIndexDone && !prefetch.hasOrders && this.#underWay === 0) return
      const takenBefore = prefetch.taken
      if (!(await this.#changed(limits.idleMs)) && this.#isIndexDone && prefetch.taken === takenBefore) return
    }
  }

  async #fetch(link: ServerLink, order: Order): Promise<void> {
    const { prefetch, clock, signal, limits } = this.#parts
    const asked = new Map(order.digests.map((digest) => [digestKey(digest), true]))
    const timer = deadline(clock, signal, limits.orderTimeoutMs, 'an order of blocks')
    this.#underWay += 1
    try {
      const answered = link.blocks(order.digests, (bytes) => {
        prefetch.arrived(asked, bytes)
      })
      await wait(answered, timer.signal)
    } catch (error) {
      this.#fail(link, error)
    } finally {
      timer.clear()
      this.#underWay -= 1
      const others = this.#links.filter((other) => other.isOpen).map(({ peer }) => peer.id)
      prefetch.finished(order, link.peer.id, others)
      this.#wake()
    }
  }

  #fail(link: ServerLink, error: unknown): void {
    if (this.#isEnding || this.#parts.signal.aborted || this.#failed.has(link)) return
    this.#failed.add(link)
    this.#parts.log.debug(`catching up from ${link.peer.id} failed: ${messageOf(error)}`)
    link.close(error instanceof Error ? error : new Error(String(error)))
    this.#parts.failed(link, error)
  }

  /** The walk takes what is here; what it does not ask for is dropped. */
  async #untilTaken(): Promise<void> {
    const { prefetch, limits, signal } = this.#parts
    prefetch.dropMissing()
    while (prefetch.size > 0 && !signal.aborted) {
      const takenBefore = prefetch.taken
      if (!(await this.#changed(limits.idleMs)) && prefetch.taken === takenBefore) return
    }
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake()
  }

  /** Waits for a change; false when there was none for so long, or everything ends. */
  async #changed(ms: number): Promise<boolean> {
    const timer = deadline(this.#parts.clock, this.#parts.signal, ms, 'nothing happened')
    try {
      await wait(
        new Promise<void>((resolve) => {
          this.#wakers.push(resolve)
        }),
        timer.signal
      )
      return true
    } catch {
      return false
    } finally {
      timer.clear()
    }
  }
}
