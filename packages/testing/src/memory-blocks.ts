import { hash } from 'node:crypto'
import { type Block, type Blocks, ClusterError } from '@cluster/api'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

const RAW = 0x55
const SHA2_256 = 0x12

/** The blocks of a mount, in memory; kept by multihash, as a store on disk keeps them. */
export class MemoryBlocks implements Blocks {
  readonly #blocks = new Map<string, Uint8Array>()
  /** Set: every put fails with it. */
  failure: Error | undefined

  get count(): number {
    return this.#blocks.size
  }

  has(cid: CID): Promise<boolean> {
    return Promise.resolve(this.#blocks.has(keyOf(cid)))
  }

  get(cid: CID): Promise<Uint8Array> {
    const bytes = this.#blocks.get(keyOf(cid))
    return bytes === undefined
      ? Promise.reject(new ClusterError('NOT_FOUND', `${cid.toString()} is not here`))
      : Promise.resolve(bytes)
  }

  size(cid: CID): Promise<number | undefined> {
    return Promise.resolve(this.#blocks.get(keyOf(cid))?.length)
  }

  put(blocks: readonly Block[]): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    for (const { cid, bytes } of blocks) this.#blocks.set(keyOf(cid), bytes)
    return Promise.resolve()
  }

  delete(cid: CID): Promise<void> {
    this.#blocks.delete(keyOf(cid))
    return Promise.resolve()
  }
}

/** A raw block of the given bytes or text, with its CID. */
export function testBlock(content: string | Uint8Array): Block {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return { cid: CID.createV1(RAW, Digest.create(SHA2_256, hash('sha256', bytes, 'buffer'))), bytes }
}

function keyOf(cid: CID): string {
  return Buffer.from(cid.multihash.bytes).toString('latin1')
}
