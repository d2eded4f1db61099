import type { CID } from 'multiformats/cid'
import { blockIdOf, cidOfBlockId, type BlockId } from '../wire/block-id.ts'
import { badEntry, type Draft } from './draft.ts'
import type { Layout } from './layout.ts'
import type { CrdtStorage } from '../ports.ts'
import { MAX_LINKS } from '../wire/node.ts'
import { compareBytes, decodeUvarint, encodeUvarint } from '../wire/uvarint.ts'

/** Priorities have 64 bits. */
const MAX_HEIGHT = (1n << 64n) - 1n

/** A tip of the DAG: no known block links to it. */
export interface Head {
  readonly cid: CID
  readonly id: BlockId
  /** The priority of its block. */
  readonly height: bigint
}

/** The heads, in memory and written through. @see spec/wire-crdt.md §2.8 */
export class Heads {
  readonly #heads = new Map<BlockId, Head>()
  /** Counts changes, so that others see that there were some. */
  changes = 0
  #written: readonly Head[] = []

  /** Reads them from the datastore. */
  static async load(storage: CrdtStorage, layout: Layout, signal: AbortSignal): Promise<Heads> {
    const heads = new Heads()
    for await (const page of storage.scan(layout.heads(), { signal })) {
      for (const { key, value } of page) {
        const id = layout.lastSegment(key)
        const cid = cidOfBlockId(id)
        const height = decodeUvarint(value)
        if (cid === undefined || height === undefined) throw badEntry('error decoding height', key)
        heads.#heads.set(id, { cid, id, height: height.value })
      }
    }
    heads.wrote()
    return heads
  }

  /** These are durable now; by default, what is in memory. */
  wrote(heads: readonly Head[] = this.list()): void {
    this.#written = heads
  }

  /** Those that are durable, so that they may be announced; in the order of their CID bytes. */
  get written(): readonly Head[] {
    return this.#written
  }

  get size(): number {
    return this.#heads.size
  }

  get maxHeight(): bigint {
    let max = 0n
    for (const { height } of this.#heads.values()) if (height > max) max = height
    return max
  }

  has(id: BlockId): boolean {
    return this.#heads.has(id)
  }

  /** The priority of the next block. Saturated: a block of the highest priority must not make all later ones lose. */
  get nextHeight(): bigint {
    const { maxHeight } = this
    return maxHeight < MAX_HEIGHT ? maxHeight + 1n : MAX_HEIGHT
  }

  /**
   * What the next block links to: all heads, or of more than a block may have links, the highest; the others stay heads.
   */
  links(): CID[] {
    const heads = this.list()
    if (heads.length > MAX_LINKS) heads.sort((a, b) => (a.height === b.height ? 0 : a.height < b.height ? 1 : -1))
    return heads.slice(0, MAX_LINKS).map(({ cid }) => cid)
  }

  /** In the order of their CID bytes. */
  list(): Head[] {
    return [...this.#heads.values()].sort((a, b) => compareBytes(a.cid.bytes, b.cid.bytes))
  }

  add(draft: Draft, head: Head): void {
    if (this.#heads.get(head.id)?.height === head.height) return
    this.#heads.set(head.id, head)
    this.changes += 1
    draft.put(draft.layout.head(head.id), encodeUvarint(head.height))
  }

  /** `by` covers the head `id`. */
  replace(draft: Draft, id: BlockId, by: Head): void {
    this.add(draft, by)
    if (this.#heads.delete(id)) draft.delete(draft.layout.head(id))
  }

  /**
   * Raises a height that is lower than the priority of its block, as a repair by go-ds-crdt 0.6.8 leaves it: the next
   * block would else get a priority below that of its links.
   */
  correct(cid: CID, priority: bigint): void {
    const id = blockIdOf(cid)
    const head = this.#heads.get(id)
    if (head !== undefined && head.height < priority) this.#heads.set(id, { ...head, height: priority })
  }
}
