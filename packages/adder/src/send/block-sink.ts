import type { AddedOutput, ClusterError } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { DagNode } from '../dag/dag-node.ts'

/** Where the blocks of an add go, and what is pinned in the end: content as a whole, or in shards. */
export interface BlockSink {
  /** Aborted when the add cannot go on, or by {@link BlockSink.stop}. */
  readonly signal: AbortSignal
  /** The peers that get the blocks now; nothing before the first block. */
  readonly allocations: readonly PeerId[] | undefined
  /**
   * Queues a block and waits until there is room for the next.
   *
   * @throws {ClusterError} `ADD_FAILED` when no destination is left
   */
  put(node: DagNode): Promise<void>
  /** What there is to tell since the last call. */
  takeEvents(): readonly AddedOutput[]
  /** Has peers allocated, as the first block would. */
  open(): Promise<void>
  /** All blocks of these roots were put. */
  roots(cids: readonly CID[]): Promise<void>
  /**
   * Waits until everything is stored, then pins.
   *
   * @returns the last root
   */
  finish(): Promise<CID>
  /** Ends everything at once. */
  stop(reason: ClusterError): void
  /** After a failure: takes back what was pinned. Never rejects. */
  undo(): Promise<void>
}
