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

/** A block to be merged. */
interface Queued {
  readonly digest: Uint8Array
  readonly id: BlockId
  /** The top from which it was reached. */
  readonly root: Head
}

/**
 * Merges what a snapshot says more than its frame does: elements were read after the frame was, so blocks that came in
 * between have added some and taken back others. Each write merges some blocks, marks them, and queues their links on the
 * disk as a walk does, so that a crash repeats little. What the peer has not got yet stays queued: the walk goes on there.
 */
export class NewerBlocks {
  readonly #parts: NewerBlocksParts
  readonly #fetch: (digests: readonly Uint8Array[]) => Promise<Map<string, DeltaNode>>
  /** The last ones come first: so that few wait. */
  readonly #todo: Queued[] = []
  /** All that ever were to be done, so that none is twice. */
  readonly #seen = new Set<BlockId>()

  /** @param fetch - gets blocks, those that are there, by their {@link digestKey} */
  constructor(parts: NewerBlocksParts, fetch: (digests: readonly Uint8Array[]) => Promise<Map<string, DeltaNode>>) {
    this.#parts = parts
    this.#fetch = fetch
  }

  /** @param tops - what the peer had merged is all reached from these; the same ones after a crash */
  async merge(tops: readonly Head[]): Promise<void> {
    const { storage, layout, signal } = this.#parts
    for await (const { cid, id, root } of readFrontier(storage, layout, signal)) {
      this.#add({ digest: cid.multihash.digest, id, root })
    }
    const marks = await readMany(
      storage,
      tops.map(({ id }) => layout.processed(id)),
      { signal }
    )
    tops.forEach((top, index) => {
      if (marks[index] === undefined) this.#add({ digest: top.cid.multihash.digest, id: top.id, root: top })
    })
    while (this.#todo.length > 0) {
      signal.throwIfAborted()
      await this.#mergeSome(this.#todo.splice(-BLOCKS_AT_ONCE))
    }
  }

  #add(queued: Queued): void {
    if (this.#seen.has(queued.id)) return
    this.#seen.add(queued.id)
    this.#todo.push(queued)
  }

  async #mergeSome(queued: readonly Queued[]): Promise<void> {
    const nodes = await this.#fetch(queued.map(({ digest }) => digest))
    let some: { node: DeltaNode; root: Head }[] = []
    let bytes = 0
    for (const { digest, root } of queued) {
      const node = nodes.get(digestKey(digest))
      if (node === undefined) continue
      if (some.length > 0 && bytes + node.bytes.length > WRITE_BYTES) {
        await this.#write(some)
        some = []
        bytes = 0
      }
      some.push({ node, root })
      bytes += node.bytes.length
    }
    if (some.length > 0) await this.#write(some)
  }

  async #write(some: readonly { node: DeltaNode; root: Head }[]): Promise<void> {
    const { storage, layout, signal, isCollecting } = this.#parts
    const draft = new Draft(storage, layout, { signal }, { isCollecting })
    await draft.prefetch(some.map(({ node }) => node))
    for (const { node, root } of some) {
      await mergeDelta(draft, node)
      draft.putProcessed(node)
      const { put } = indexOperation(layout, node.delta.priority, node.id, node.bytes.length)
      draft.put(put.key, put.value)
      draft.delete(layout.frontier(node.id))
      const known = await draft.areProcessed(node.linkIds)
      node.links.forEach((cid, index) => {
        const id = node.linkIds[index]
        if (id === undefined || known[index] === true || this.#seen.has(id)) return
        this.#add({ digest: cid.multihash.digest, id, root })
        draft.put(layout.frontier(id), frontierValue(root))
      })
    }
    await draft.write()
  }
}
