import { CID } from 'multiformats/cid'
import { blockIdOf, cidOfBlockId, type BlockId } from '../wire/block-id.ts'
import { badEntry, type Draft } from '../store/draft.ts'
import type { Head } from '../store/heads.ts'
import type { Layout } from '../store/layout.ts'
import type { Clock, CrdtStorage, DagExchange, DagSession } from '../ports.ts'
import type { DeltaNode } from '../wire/node.ts'
import { concatBytes, decodeUvarint, encodeUvarint } from '../wire/uvarint.ts'

/** Blocks fetched together: one exchange session, for as long as a job needs it. */
export class Walk {
  readonly #open: () => DagSession
  /** Who announced the head from which it began, if that is known. */
  readonly announcedBy: string | undefined
  #session: DagSession | undefined
  #users = 0

  constructor(open: () => DagSession, announcedBy?: string) {
    this.#open = open
    this.announcedBy = announcedBy
  }

  /** Opened at the first use: most local writes need none. */
  get session(): DagSession {
    this.#session ??= this.#open()
    return this.#session
  }

  hold(): void {
    this.#users += 1
  }

  /** The last one closes the session. */
  release(): void {
    this.#users -= 1
    if (this.#users > 0) return
    this.#session?.close()
    this.#session = undefined
  }
}

/** A block that has to be fetched and merged. */
export interface Job {
  readonly cid: CID
  readonly id: BlockId
  /** The head from which the block was reached, itself if it was announced; its height is unknown until it is here. */
  root: { readonly cid: CID; readonly id: BlockId; readonly height: bigint | undefined }
  readonly walk: Walk
  /**
   * Whether a merged block links to it: then it stands in the datastore and is tried until it is here. An announced
   * head is tried once; the next announcement brings it back.
   */
  isLinked: boolean
  /** When it was queued. */
  readonly sinceMs: number
  /** Attempts that failed, why the last one did, and when the next one comes. */
  attempts: number
  lastReason?: string | undefined
  nextTryMs?: number | undefined
}

/** A block of this peer: it is its own root, and nothing of it has to be fetched. */
export function localJob(node: DeltaNode, exchange: Pick<DagExchange, 'createSession'>): Job {
  const { cid, id, delta } = node
  const root = { cid, id, height: delta.priority }
  const walk = new Walk(() => exchange.createSession())
  return { cid, id, root, walk, isLinked: false, sinceMs: 0, attempts: 0 }
}

/** What is queued to be fetched or merged: the frontier of all walks. */
export class Jobs {
  readonly #byId = new Map<BlockId, Job>()
  readonly #byRoot = new Map<BlockId, Set<Job>>()
  /** Bad blocks below heads: they stand in the datastore, and move with their heads, but nothing is done about them. */
  readonly #aside = new Map<BlockId, Job>()
  /** Those below heads that could not be had so far; the longest first. */
  readonly #failing = new Set<Job>()
  readonly #clock: Pick<Clock, 'nowMs'>

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock
  }

  get failing(): ReadonlySet<Job> {
    return this.#failing
  }

  get size(): number {
    return this.#byId.size
  }

  get(id: BlockId): Job | undefined {
    return this.#byId.get(id)
  }

  values(): Iterable<Job> {
    return this.#byId.values()
  }

  /** Queues a head that was announced. */
  announce(cid: CID, walk: Walk): Job {
    const id = blockIdOf(cid)
    return this.#add({ ...this.#job(cid, id, walk), root: { cid, id, height: undefined }, isLinked: false })
  }

  /** Queues a block that a merged block links to. */
  link(draft: Draft | undefined, cid: CID, root: Head, walk: Walk): Job {
    const job = this.#add({ ...this.#job(cid, blockIdOf(cid), walk), root, isLinked: true })
    if (draft !== undefined) write(draft, job)
    return job
  }

  #job(cid: CID, id: BlockId, walk: Walk): Omit<Job, 'root' | 'isLinked'> {
    return { cid, id, walk, sinceMs: this.#clock.nowMs(), attempts: 0 }
  }

  /** An attempt to fetch it failed; another one comes at `nextTryMs`. */
  failed(job: Job, reason: string, nextTryMs: number | undefined): void {
    job.attempts += 1
    job.lastReason = reason
    job.nextTryMs = nextTryMs
    if (job.isLinked && this.#byId.get(job.id) === job) this.#failing.add(job)
  }

  /** Nothing can be done about the block of a job now. */
  setAside(job: Job): void {
    if (this.#byId.get(job.id) !== job) return
    this.remove(job)
    if (!job.isLinked) return
    this.#aside.set(job.id, job)
    this.#index(job)
  }

  #add(job: Job): Job {
    const aside = this.#aside.get(job.id)
    if (aside !== undefined) {
      this.#aside.delete(job.id)
      this.#unindex(aside)
    }
    this.#byId.set(job.id, job)
    this.#index(job)
    job.walk.hold()
    return job
  }

  #index(job: Job): void {
    let jobs = this.#byRoot.get(job.root.id)
    if (jobs === undefined) this.#byRoot.set(job.root.id, (jobs = new Set()))
    jobs.add(job)
  }

  #unindex(job: Job): void {
    const jobs = this.#byRoot.get(job.root.id)
    jobs?.delete(job)
    if (jobs?.size === 0) this.#byRoot.delete(job.root.id)
  }

  /** Everything below the head `id` is now reached from `root`, which covers it. */
  reroot(draft: Draft, id: BlockId, root: Head): void {
    const jobs = this.#byRoot.get(id)
    if (jobs === undefined || id === root.id) return
    this.#byRoot.delete(id)
    for (const job of jobs) {
      job.root = root
      job.isLinked = true
      this.#index(job)
      write(draft, job)
    }
  }

  /** The job is done, or given up. */
  remove(job: Job, draft?: Draft): void {
    if (this.#byId.get(job.id) !== job) return
    this.#byId.delete(job.id)
    this.#failing.delete(job)
    this.#unindex(job)
    if (job.isLinked && draft !== undefined) draft.delete(draft.layout.frontier(job.id))
    job.walk.release()
  }

  /** Closes all sessions. */
  clear(): void {
    for (const job of [...this.#byId.values()]) this.remove(job)
  }
}

function write(draft: Draft, job: Job): void {
  draft.put(draft.layout.frontier(job.id), frontierValue(job.root))
}

/** What stands in the datastore for a block of the frontier: the head from which it was reached. */
export function frontierValue(root: Job['root']): Uint8Array {
  return concatBytes(root.cid.bytes, encodeUvarint(root.height ?? 0n))
}

/** Reads the frontier that a former run left. */
export async function* readFrontier(
  storage: CrdtStorage,
  layout: Layout,
  signal: AbortSignal
): AsyncGenerator<{ cid: CID; id: BlockId; root: Head }> {
  for await (const page of storage.scan(layout.frontiers(), { signal })) {
    for (const { key, value } of page) {
      const id = layout.lastSegment(key)
      const cid = cidOfBlockId(id)
      let root: Head | undefined
      try {
        const [rootCid, rest] = CID.decodeFirst(value)
        const height = decodeUvarint(rest)
        if (height !== undefined) root = { cid: rootCid, id: blockIdOf(rootCid), height: height.value }
      } catch {
        root = undefined
      }
      if (cid === undefined || root === undefined) throw badEntry('error decoding frontier', key)
      yield { cid, id, root }
    }
  }
}
