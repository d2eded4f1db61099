import type { CID } from 'multiformats/cid'
import { blockIdOf, type BlockId } from '../wire/block-id.ts'
import { deadline, wait } from './deadline.ts'
import { CrdtError } from '../errors.ts'
import { Fifo } from './fifo.ts'
import type { Job, Walk } from './jobs.ts'
import { decodeNode, type DeltaNode } from '../wire/node.ts'
import type { Clock } from '../ports.ts'

/** Blocks and bytes that are held ahead of their merge. */
const MAX_HELD_BLOCKS = 1024
const MAX_HELD_BYTES = 16 * 1024 * 1024
/** Blocks fetched ahead at once. */
const MAX_FETCHES = 64
/** Links that wait to be followed; what does not fit is fetched when its turn comes. */
const MAX_WAITING = 4096

/** What the look-ahead has to know. */
export interface LookAheadParts {
  readonly clock: Clock
  readonly timeoutMs: number
  /** Whether the block is queued already, or merged. */
  isKnown(id: BlockId): boolean | Promise<boolean>
  /** The block of a job that was adopted is here. */
  arrived(job: Job, node: DeltaNode): void
  /** It could not be had ahead; without an error it was not asked for. */
  lost(job: Job, error: Error | undefined): void
  /** Nothing is on its way any more. */
  quiet(): void
}

/**
 * Follows the links of blocks that have arrived but are not merged, so that a long chain does not wait for a merge, a
 * durable write and a round trip for each block. It only saves time: what it does not get is fetched in due course.
 *
 * @see spec/wire-crdt.md §7.3 P3
 */
export class LookAhead {
  readonly #parts: LookAheadParts
  readonly #held = new Map<BlockId, DeltaNode>()
  readonly #fetching = new Map<BlockId, Promise<void>>()
  #waiting = new Fifo<{ cid: CID; id: BlockId; walk: Walk }>()
  #stop = new AbortController()
  /** Jobs whose blocks were on their way when they were queued. */
  readonly #adopted = new Map<BlockId, Job>()
  #bytes = 0

  constructor(parts: LookAheadParts) {
    this.#parts = parts
  }

  /** The block has arrived: its links come next. */
  follow(node: DeltaNode, walk: Walk): void {
    node.links.forEach((cid, index) => {
      if (this.#waiting.size >= MAX_WAITING) return
      walk.hold()
      this.#waiting.push({ cid, id: node.linkIds[index] ?? blockIdOf(cid), walk })
    })
    this.#pump()
  }

  /** Blocks that are here ahead of their turn. */
  get held(): number {
    return this.#held.size
  }

  /** The block, if it is here. */
  peek(id: BlockId): DeltaNode | undefined {
    return this.#held.get(id)
  }

  /** Blocks on their way. */
  get fetching(): number {
    return this.#fetching.size
  }

  get isQuiet(): boolean {
    return this.#fetching.size === 0 && this.#waiting.size === 0
  }

  /**
   * The block of a job that was just queued, if it is here, and it is not held any more; `coming` if it will be told
   * when it is; else somebody has to fetch it.
   */
  take(job: Job): DeltaNode | 'coming' | undefined {
    const node = this.#held.get(job.id)
    if (node === undefined) {
      if (!this.#fetching.has(job.id)) return undefined
      this.#adopted.set(job.id, job)
      return 'coming'
    }
    this.#held.delete(job.id)
    this.#bytes -= node.bytes.length
    this.#pump()
    return node
  }

  /** Forgets everything: nothing is queued any more that could need it. */
  async clear(): Promise<void> {
    this.#stop.abort(new CrdtError('ERR_CRDT_CLOSED', 'closed'))
    for (let next = this.#waiting.take(); next !== undefined; next = this.#waiting.take()) next.walk.release()
    this.#waiting = new Fifo()
    this.#held.clear()
    this.#adopted.clear()
    this.#bytes = 0
    const fetching = [...this.#fetching.values()]
    this.#stop = new AbortController()
    await Promise.all(fetching)
  }

  #pump(): void {
    while (
      this.#fetching.size < MAX_FETCHES &&
      this.#held.size + this.#fetching.size < MAX_HELD_BLOCKS &&
      this.#bytes < MAX_HELD_BYTES
    ) {
      const next = this.#waiting.take()
      if (next === undefined) return
      const { id } = next
      if (this.#held.has(id) || this.#fetching.has(id)) {
        next.walk.release()
        continue
      }
      const run = this.#fetch(id, next.cid, next.walk, this.#stop.signal).finally(() => {
        this.#fetching.delete(id)
        next.walk.release()
        this.#pump()
        if (this.isQuiet) this.#parts.quiet()
      })
      this.#fetching.set(id, run)
    }
  }

  async #fetch(id: BlockId, cid: CID, walk: Walk, signal: AbortSignal): Promise<void> {
    const { clock, timeoutMs } = this.#parts
    const timer = deadline(clock, signal, timeoutMs, `error getting block ${cid.toString()}`)
    let node: DeltaNode | undefined
    let error: Error | undefined
    try {
      if (!(await this.#parts.isKnown(id))) {
        node = decodeNode(cid, await wait(walk.session.get(cid, { signal: timer.signal }), timer.signal))
      }
    } catch (cause) {
      error = cause instanceof Error ? cause : new Error(String(cause)) // of use only if its turn has come
    } finally {
      timer.clear()
    }
    if (signal.aborted) return
    const job = this.#adopted.get(id)
    this.#adopted.delete(id)
    if (node === undefined) {
      if (job !== undefined) this.#parts.lost(job, error)
      return
    }
    if (job === undefined) {
      this.#held.set(id, node)
      this.#bytes += node.bytes.length
    } else this.#parts.arrived(job, node)
    this.follow(node, walk)
  }
}
