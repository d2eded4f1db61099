import { messageOf } from '../../errors.ts'
import type { StorageOperation } from '../../ports.ts'
import { readMany } from '../../store/draft.ts'
import { decodeNode } from '../../wire/node.ts'
import { deadline, wait } from '../deadline.ts'
import { indexOperation } from './block-index.ts'
import { cidOfDigest, digestKey, digestOfId, sha256 } from './digest.ts'
import type { CatchUpLimits } from './limits.ts'
import type { BackfillStats, CatchUpParts } from './options.ts'
import type { ServerLink } from './server-link.ts'

/** Marks looked at in one step, and blocks fetched at once. */
const MARKS_PER_STEP = 256
/** Between two steps, so that everything else goes first; and while there is other work, or nobody to ask. */
const REST_MS = 20
const BUSY_MS = 1000
const NOBODY_MS = 30_000

/** What filling in old blocks works with. */
export interface BackfillParts extends CatchUpParts {
  readonly signal: AbortSignal
  readonly limits: CatchUpLimits
  readonly isWanted: boolean
  /** A conversation with somebody who may have the blocks. */
  link(): Promise<ServerLink | undefined>
  failed(link: ServerLink, error: unknown): void
}

/**
 * Fetches, slowly, the blocks that a snapshot spared: Go peers that join need somebody who has them. In the order of the
 * marks, so that where it stands is one key.
 *
 * @see spec/wire-crdt.md §7.3 P12
 */
export class Backfill {
  readonly #parts: BackfillParts
  #isDone = true
  #fetched = 0
  #running: Promise<void> | undefined

  constructor(parts: BackfillParts) {
    this.#parts = parts
  }

  /** Whether every merged block is here. */
  get isDone(): boolean {
    return this.#isDone
  }

  get stats(): BackfillStats {
    return { isDone: this.#isDone, fetched: this.#fetched }
  }

  /** Reads whether blocks are missing. */
  async load(signal: AbortSignal): Promise<void> {
    this.#isDone = !(await this.#parts.storage.has(this.#parts.layout.backfill(), { signal }))
  }

  /** A snapshot was taken in: from now on blocks are missing. */
  begin(): void {
    this.#isDone = false
  }

  /** Resolves when everything is here, or the store closes. */
  run(): Promise<void> {
    if (this.#isDone || !this.#parts.isWanted) return Promise.resolve()
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #run(): Promise<void> {
    const { storage, layout, signal } = this.#parts
    let link: ServerLink | undefined
    try {
      const [stored = new Uint8Array()] = await readMany(storage, [layout.backfill()], { signal })
      let cursor = new TextDecoder().decode(stored)
      for (;;) {
        if (!this.#parts.isSettled()) {
          await this.#rest(BUSY_MS)
          continue
        }
        const step = await this.#lacking(cursor)
        if (step.lacking.length > 0) {
          if (link?.isOpen !== true) link = await this.#parts.link()
          if (!(await this.#fetch(link, step.lacking))) {
            await this.#rest(NOBODY_MS)
            continue
          }
        }
        if (step.cursor === undefined) break
        cursor = step.cursor
        // not durable: a step that is lost is done again
        const value = new TextEncoder().encode(cursor)
        await storage.commit([{ put: { key: layout.backfill(), value } }], { durable: false })
        await this.#rest(REST_MS)
      }
      await storage.commit([{ delete: layout.backfill() }], { durable: true })
      this.#isDone = true
      this.#parts.log.info('all old blocks are here')
    } finally {
      link?.close()
    }
  }

  /** The next blocks that are marked and not here. */
  async #lacking(cursor: string): Promise<{ lacking: Uint8Array[]; cursor: string | undefined }> {
    const { storage, layout, signal } = this.#parts
    const range = { ...layout.allProcessed(), limit: MARKS_PER_STEP + 1 }
    if (cursor !== '') range.gte = layout.processed(cursor)
    const ids: string[] = []
    for await (const page of storage.scan(range, { signal })) {
      for (const { key } of page) ids.push(layout.lastSegment(key))
    }
    const next = ids.length > MARKS_PER_STEP ? ids.pop() : undefined
    const lacking: Uint8Array[] = []
    for (const id of ids) {
      const digest = digestOfId(id)
      if (digest !== undefined && !(await storage.has(layout.block(id), { signal }))) lacking.push(digest)
    }
    return { lacking, cursor: next }
  }

  /** From a peer of this implementation, else by the exchange. @returns whether all came */
  async #fetch(link: ServerLink | undefined, digests: readonly Uint8Array[]): Promise<boolean> {
    const missing = new Map(digests.map((digest) => [digestKey(digest), digest]))
    if (link !== undefined) {
      const arrived: Uint8Array[] = []
      try {
        await link.blocks(digests, (bytes) => {
          arrived.push(bytes)
        })
      } catch (error) {
        this.#parts.failed(link, error)
      }
      await this.#store(arrived, missing)
    }
    for (const digest of [...missing.values()]) {
      const bytes = await this.#exchanged(digest)
      if (bytes === undefined) return false
      await this.#store([bytes], missing)
      // other bytes than were asked for: they must not be taken for it the next time
      if (missing.has(digestKey(digest))) await this.#parts.blocks.discard(cidOfDigest(digest))
    }
    return missing.size === 0
  }

  async #store(blocks: readonly Uint8Array[], missing: Map<string, Uint8Array>): Promise<void> {
    const { storage, layout } = this.#parts
    const operations: StorageOperation[] = []
    for (const bytes of blocks) {
      const digest = sha256(bytes)
      if (!missing.delete(digestKey(digest))) continue
      const { id, delta } = decodeNode(cidOfDigest(digest), bytes)
      operations.push({ put: { key: layout.block(id), value: bytes } })
      operations.push(indexOperation(layout, delta.priority, id, bytes.length))
      this.#fetched += 1
    }
    // the cursor, later, relies on it
    if (operations.length > 0) await storage.commit(operations, { durable: true })
  }

  async #exchanged(digest: Uint8Array): Promise<Uint8Array | undefined> {
    const { exchange, clock, signal, limits, log } = this.#parts
    const session = exchange.createSession()
    const timer = deadline(clock, signal, limits.orderTimeoutMs, 'an old block')
    try {
      return await wait(session.get(cidOfDigest(digest), { signal: timer.signal }), timer.signal)
    } catch (error) {
      signal.throwIfAborted()
      log.debug(`an old block was not found: ${messageOf(error)}`)
      return undefined
    } finally {
      timer.clear()
      session.close()
    }
  }

  async #rest(ms: number): Promise<void> {
    const { clock, signal } = this.#parts
    const timer = deadline(clock, signal, ms, 'a rest')
    await wait(new Promise<never>(() => undefined), timer.signal).catch(() => undefined)
    timer.clear()
    signal.throwIfAborted()
  }
}
