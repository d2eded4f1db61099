import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { blockIdOf, type BlockId } from '../wire/block-id.ts'
import { readMany } from './draft.ts'
import { NotFoundError } from '../errors.ts'
import { Layout } from './layout.ts'
import { isBlockOf } from '../wire/node.ts'
import type { CrdtStorage, DagBlock, DagExchange, DagSession } from '../ports.ts'

/** Fetched bytes that may wait in memory for their merge, which writes them; beyond it they go to the disk at once. */
export const MAX_STAGED_BYTES = 64 * 1024 * 1024
/** Blocks that were written last: the exchange is handed each of them right after. */
const MAX_RECENT = 1024

/**
 * The blocks of the DAG, for the block exchange to serve. What the exchange stores is kept in memory until the block is
 * merged, because then one durable write takes it in together with all that it changes.
 *
 * @see spec/wire-crdt.md §3.1 (keys), §7.3 P2
 */
export class DagBlocks {
  readonly #storage: CrdtStorage
  readonly #layout: Layout
  readonly #staged = new Map<BlockId, Uint8Array>()
  #stagedBytes = 0
  readonly #recent = new Set<BlockId>()
  #mayHave: (id: BlockId) => boolean = () => true

  /** @param namespace - that of the store, such as `/c` */
  constructor(storage: CrdtStorage, namespace: string) {
    this.#storage = storage
    this.#layout = new Layout(namespace)
  }

  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    const id = blockIdOf(cid)
    return this.#staged.has(id) || (await this.#storage.has(this.#layout.block(id), options))
  }

  /** @throws NotFoundError */
  async get(cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    const bytes = await this.#find(blockIdOf(cid), options)
    if (bytes === undefined) throw new NotFoundError(`block ${cid.toString()} is not here`)
    return bytes
  }

  /** Bytes of a block; `undefined` when it is not here. */
  async size(cid: CID, options: AbortOptions = {}): Promise<number | undefined> {
    return (await this.#find(blockIdOf(cid), options))?.length
  }

  async #find(id: BlockId, options: AbortOptions): Promise<Uint8Array | undefined> {
    return this.#staged.get(id) ?? (await readMany(this.#storage, [this.#layout.block(id)], options))[0]
  }

  async put(blocks: readonly DagBlock[], options: AbortOptions = {}): Promise<void> {
    for (const { cid, bytes } of blocks) {
      const id = blockIdOf(cid)
      if (this.#staged.has(id) || this.#recent.has(id)) continue
      if (this.#mayHave(id) && (await this.#storage.has(this.#layout.block(id), options))) continue
      if (this.#stagedBytes + bytes.length > MAX_STAGED_BYTES) {
        await this.#storage.commit([{ put: { key: this.#layout.block(id), value: bytes } }], {
          ...options,
          durable: false
        })
      } else {
        this.#staged.set(id, bytes)
        this.#stagedBytes += bytes.length
      }
    }
  }

  async delete(cid: CID, options: AbortOptions = {}): Promise<void> {
    const id = blockIdOf(cid)
    this.#recent.delete(id)
    this.release([id])
    await this.#storage.commit([{ delete: this.#layout.block(id) }], { ...options, durable: false })
  }

  /** Writes a fetched block to the disk that no merge will write: it was merged before, and its bytes had been lost. */
  async keep(cid: CID): Promise<void> {
    const id = blockIdOf(cid)
    const value = this.#staged.get(id)
    if (value === undefined) return
    await this.#storage.commit([{ put: { key: this.#layout.block(id), value } }], { durable: true })
    this.wrote([id])
  }

  /** Forgets bytes that are not the block, or no good block: nothing else is removed, above all no block that is merged. */
  async discard(cid: CID): Promise<void> {
    const id = blockIdOf(cid)
    this.release([id])
    const [stored] = await readMany(this.#storage, [this.#layout.block(id)], {})
    if (stored !== undefined && !isBlockOf(cid, stored)) await this.delete(cid)
  }

  /** The store tells of which blocks it knows without a look at the disk that they are not merged. */
  useFilter(filter: { mayHave(id: BlockId): boolean }): void {
    this.#mayHave = (id) => filter.mayHave(id)
  }

  /** These blocks were written to the datastore. */
  wrote(ids: Iterable<BlockId>): void {
    for (const id of ids) this.#recent.add(id)
    this.release(ids)
    for (const id of this.#recent) {
      if (this.#recent.size <= MAX_RECENT) return
      this.#recent.delete(id)
    }
  }

  /** Keeps no copies of these blocks in memory. */
  release(ids: Iterable<BlockId>): void {
    for (const id of ids) {
      const bytes = this.#staged.get(id)
      if (bytes === undefined) continue
      this.#staged.delete(id)
      this.#stagedBytes -= bytes.length
    }
  }
}

/** An exchange without other peers, for a store that is used offline. */
export class OfflineExchange implements DagExchange {
  readonly #blocks: DagBlocks

  constructor(blocks: DagBlocks) {
    this.#blocks = blocks
  }

  createSession(): DagSession {
    return { get: (cid, options) => this.#blocks.get(cid, options), close: () => undefined }
  }

  put(blocks: readonly DagBlock[], options?: AbortOptions): Promise<void> {
    return this.#blocks.put(blocks, options)
  }
}
