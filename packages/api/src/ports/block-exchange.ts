import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Component } from '../component/component.ts'

/** A block with its CID. */
export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** Where the owner of a mount keeps its blocks. A put that returned is durable as far as its owner needs it. */
export interface Blocks {
  has(cid: CID, options?: AbortOptions): Promise<boolean>
  /** @throws {ClusterError} `NOT_FOUND` */
  get(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  /** Bytes, without reading the block; `undefined` when it is not there. */
  size(cid: CID, options?: AbortOptions): Promise<number | undefined>
  put(blocks: readonly Block[], options?: AbortOptions): Promise<void>
  delete(cid: CID, options?: AbortOptions): Promise<void>
}

/** Blocks wanted together, usually of one DAG: peers that had one are asked first for the next. */
export interface BlockSession {
  /** The block: from the mount, else fetched, stored in the mount, announced. */
  get(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  /** The blocks as they arrive. The input is pulled lazily, so a want list of any length needs bounded memory. */
  getMany(cids: Iterable<CID> | AsyncIterable<CID>, options?: AbortOptions): AsyncGenerator<Block, void, undefined>
  close(): void
}

/** A mount as its owner uses it. */
export interface BlockService extends BlockSession {
  /** Stores in the mount, then announces: peers that want the blocks get them. */
  put(blocks: readonly Block[], options?: AbortOptions): Promise<void>
  /** Only in the mount, never over the network. */
  has(cid: CID, options?: AbortOptions): Promise<boolean>
  createSession(): BlockSession
  /** Stops serving the blocks of this mount. */
  unmount(): void
}

/** The one exchange of blocks on the cluster's host; it serves the blocks of all mounts. */
export interface BlockExchange extends Component {
  /**
   * @param name - unique among the mounts
   * @throws {ClusterError} `BUSY` when the name is taken
   */
  mount(name: string, blocks: Blocks): BlockService
}
