import type { Block } from '@cluster/api'
import { CID } from 'multiformats/cid'
import { dagPbLinks } from './dag-pb-links.ts'

const RAW = 0x55
const DAG_PB = 0x70

/** A pin, as garbage collection sees it. */
export interface DagRoot {
  readonly cid: CID
  readonly recursive: boolean
}

/** The blocks of an IPFS node in memory, and those that it can fetch. Blocks are the same in any encoding of their CID. */
export class MemoryDag {
  readonly #blocks = new Map<string, Block>()
  readonly #network = new Map<string, Block>()
  readonly #waiting = new Set<() => void>()

  /** Bytes of the blocks that are here. */
  get size(): number {
    let sum = 0
    for (const { bytes } of this.#blocks.values()) sum += bytes.length
    return sum
  }

  /** Puts blocks where they can be fetched. */
  provide(blocks: readonly Block[]): void {
    for (const block of blocks) this.#network.set(keyOf(block.cid), block)
    for (const look of this.#waiting) look()
  }

  put(block: Block): void {
    this.#blocks.set(keyOf(block.cid), block)
    for (const look of this.#waiting) look()
  }

  /** A block that is here, or can be fetched and is here then. */
  fetch(cid: CID): Block | undefined {
    const found = this.#blocks.get(keyOf(cid)) ?? this.#network.get(keyOf(cid))
    if (found !== undefined) this.#blocks.set(keyOf(cid), found)
    return found
  }

  /** Waits until a block can be fetched. */
  async wait(cid: CID, signal: AbortSignal): Promise<Block> {
    for (;;) {
      signal.throwIfAborted()
      const block = this.fetch(cid)
      if (block !== undefined) return block
      const changed = Promise.withResolvers<undefined>()
      const look = (): void => {
        changed.resolve(undefined)
      }
      this.#waiting.add(look)
      signal.addEventListener('abort', look, { once: true })
      await changed.promise
      this.#waiting.delete(look)
      signal.removeEventListener('abort', look)
    }
  }

  /** What a root leads to, the root first; stops at the first block that is missing, with `undefined` for it. */
  *walk({ cid: root, recursive }: DagRoot): Generator<{ readonly cid: CID; readonly block: Block | undefined }> {
    const queue = [root]
    for (const cid of queue) {
      const block = this.fetch(cid)
      yield { cid, block }
      const found = block ?? this.fetch(cid)
      if (found === undefined) return
      if (recursive) queue.push(...linksOf(found))
    }
  }

  /** Removes the blocks that are below none of the roots; answers with them. */
  collect(roots: Iterable<DagRoot>): Block[] {
    const kept = new Set<string>()
    const followed = new Set<string>()
    const queue = [...roots]
    for (const { cid, recursive } of queue) {
      kept.add(keyOf(cid))
      if (!recursive || followed.has(keyOf(cid))) continue
      followed.add(keyOf(cid))
      const block = this.#blocks.get(keyOf(cid))
      if (block !== undefined) queue.push(...linksOf(block).map((link) => ({ cid: link, recursive })))
    }
    const gone = [...this.#blocks].filter(([key]) => !kept.has(key))
    for (const [key] of gone) this.#blocks.delete(key)
    return gone.map(([, { cid, bytes }]) => ({ cid: CID.createV1(RAW, cid.multihash), bytes }))
  }

  /** Follows names through directories; `undefined` when there is none of a name. */
  resolve(root: CID, names: readonly string[]): CID | undefined {
    let cid: CID | undefined = root
    for (const name of names) {
      const block: Block | undefined = cid === undefined ? undefined : this.fetch(cid)
      cid = block === undefined ? undefined : dagPbLinks(block.bytes).find((link) => link.name === name)?.cid
    }
    return cid
  }

  /** Forgets what is here; what can be fetched stays. */
  wipe(): void {
    this.#blocks.clear()
  }
}

function linksOf({ cid, bytes }: Block): CID[] {
  return cid.code === DAG_PB ? dagPbLinks(bytes).map((link) => link.cid) : []
}

function keyOf({ multihash }: CID): string {
  return Buffer.from(multihash.bytes).toString('latin1')
}
