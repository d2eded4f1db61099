import { ClusterError, type Block, type Blocks } from '@cluster/api'
import { NotFoundError, type DagBlocks } from '@cluster/merkle-crdt'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/** The blocks of the DAG as the exchange serves them. */
export class ServedBlocks implements Blocks {
  readonly #blocks: DagBlocks

  constructor(blocks: DagBlocks) {
    this.#blocks = blocks
  }

  has(cid: CID, options?: AbortOptions): Promise<boolean> {
    return this.#blocks.has(cid, options)
  }

  async get(cid: CID, options?: AbortOptions): Promise<Uint8Array> {
    try {
      return await this.#blocks.get(cid, options)
    } catch (error) {
      if (error instanceof NotFoundError) throw new ClusterError('NOT_FOUND', error.message, { cause: error })
      throw error
    }
  }

  size(cid: CID, options?: AbortOptions): Promise<number | undefined> {
    return this.#blocks.size(cid, options)
  }

  put(blocks: readonly Block[], options?: AbortOptions): Promise<void> {
    return this.#blocks.put(blocks, options)
  }

  delete(cid: CID, options?: AbortOptions): Promise<void> {
    return this.#blocks.delete(cid, options)
  }
}
