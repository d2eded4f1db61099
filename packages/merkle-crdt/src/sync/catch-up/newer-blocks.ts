import type { CrdtStorage } from '../../ports.ts'
import { Draft, readMany } from '../../store/draft.ts'
import type { Head } from '../../store/heads.ts'
import type { Layout } from '../../store/layout.ts'
import { mergeDelta } from '../../store/merge.ts'
import type { BlockId } from '../../wire/block-id.ts'
import type { DeltaNode } from '../../wire/node.ts'
import { frontierValue, readFrontier } from '../jobs.ts'
import { indexOperation } from './block-index.ts'
import { digestKey } from './digest.ts'
import type { IntakeRecords } from './intake-state.ts'

/** Blocks asked for at once. */
export const BLOCKS_AT_ONCE = 64
/** Bytes of blocks that are merged by one write, unless one is larger. */
const WRITE_BYTES = 1024 * 1024

/** What {@link NewerBlocks} works with. */
export interface NewerBlocksParts {
  readonly storage: CrdtStorage
  readonly layout: Layout
  readonly signal: AbortSignal
  /** Whether what was added and taken back is forgotten. */
  readonly isCollecting: boolean
}

/** Where {@link NewerBlocks} has blocks from, and where it keeps which tops are left. */
export interface NewerBlocksSource {
  /** Gets blocks, those that are there, by their {@link digestKey}. */
  fetch(digests: readonly Uint8Array[]): Promise<Map<string, DeltaNode>>
  /** The write after which a resumed merge begins with these tops. */
  keep(tops: readonly Head[]): ReturnType<IntakeRecords['keep']>
}

/** A block to be merged. */
interface Queued {
  readonly digest: Uint8Array
  readonly id: BlockId
  /** The top from which it was reached. */
  root: Head
}

/**
 * Merges what a snapshot says more than its frame does: elements were read after the frame was, so blocks that came in
 * between have added some and taken back others. Each write merges some blocks, marks them, and queues their links on the
 * disk as a walk does, so that a crash repeats little. What the peer has not got yet stays queued: the walk goes on there.
 *
 * The peer knows tops as such until it has merged a block above them. When that block is merged here first, it covers
 * the top: the top is no head, and what is queued below it belongs to the head above.
 */
export class NewerBlocks {
  readonly #parts: NewerBlocksParts
  readonly #source: NewerBlocksSource
  readonly #tops = new Map<BlockId, Head>()
  /** The last ones come first: so that few wait. */
  readonly #todo: Queued[] = []
  /** All that ever were to be done, so that none is twice. */
  readonly #seen = new Set<BlockId>()
  /** Those of them that are not merged, the missing ones too. */
  readonly #waiting = new Map<BlockId, Queued>()

  constructor(parts: NewerBlocksParts, source: NewerBlocksSource) {
    this.#parts = parts
    this.#source = source
  }

  /**
   * @param tops - what the peer had merged is all reached from these; after a crash, those that were kept last
   * @returns those that no merged block covers: the heads
   */
  async merge(tops: readonly Head[]): Promise<readonly Head[]> {
    const { storage, layout, signal } = this.#parts
    for (const top of tops) this.#tops.set(top.id, top)
    for await (const { cid, id, root } of readFrontier(storage, layout, signal)) {
      this.#add({ digest: cid.multihash.digest, id, root })
    }
    const marks = await readMany(
      storage,
      tops.map(({ id }) => layout.processed(id)),
      { signal }
    )
    tops.forEach((top, index) => {
      if (marks[index] !== undefined) return
      this.#add({ digest: top.cid.multihash.digest, id: top.id, root: top })
    })
    while (this.#todo.length > 0) {
      signal.throwIfAborted()
      await this.#mergeSome(this.#todo.splice(-BLOCKS_AT_ONCE))
    }
    return [...this.#tops.values()]
  }

  #add(queued: Queued): void {
    if (this.#seen.has(queued.id)) return
    this.#seen.add(queued.id)
    this.#waiting.set(queued.id, queued)
    this.#todo.push(queued)
  }

  async #mergeSome(queued: readonly Queued[]): Promise<void> {
    const nodes = await this.#source.fetch(queued.map(({ digest }) => digest))
    let some: { node: DeltaNode; of: Queued }[] = []
    let bytes = 0
    for (const of of queued) {
      const node = nodes.get(digestKey(of.digest))
      if (node === undefined) continue
      if (some.length > 0 && bytes + node.bytes.length > WRITE_BYTES) {
        await this.#write(some)
        some = []
        bytes = 0
      }
      some.push({ node, of })
      bytes += node.bytes.length
    }
    if (some.length > 0) await this.#write(some)
  }

  async #write(some: readonly { node: DeltaNode; of: Queued }[]): Promise<void> {
    const { storage, layout, signal, isCollecting } = this.#parts
    const draft = new Draft(storage, layout, { signal }, { isCollecting })
    await draft.prefetch(some.map(({ node }) => node))
    for (const { node, of } of some) {
      await mergeDelta(draft, node)
      draft.putProcessed(node)
      const { put } = indexOperation(layout, node.delta.priority, node.id, node.bytes.length)
      draft.put(put.key, put.value)
      draft.delete(layout.frontier(node.id))
      this.#waiting.delete(node.id)
      const known = await draft.areProcessed(node.linkIds)
      node.links.forEach((cid, index) => {
        const id = node.linkIds[index]
        if (id === undefined) return
        if (this.#tops.has(id)) this.#cover(draft, id, of.root)
        if (known[index] === true || this.#seen.has(id)) return
        this.#add({ digest: cid.multihash.digest, id, root: of.root })
        draft.put(layout.frontier(id), frontierValue(of.root))
      })
    }
    await draft.write()
  }

  /** A merged block, reached from `root`, links to a top. */
  #cover(draft: Draft, top: BlockId, root: Head): void {
    this.#tops.delete(top)
    const { put } = this.#source.keep([...this.#tops.values()])
    draft.put(put.key, put.value)
    for (const queued of this.#waiting.values()) {
      if (queued.root.id !== top) continue
      queued.root = root
      draft.put(draft.layout.frontier(queued.id), frontierValue(root))
    }
  }
}
