import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Component } from '../component/component.ts'
import type { AddedOutput, AddParams, FileEntry, NodeWithMeta } from '../domain/add.ts'
import type { Pin } from '../domain/pin.ts'

/** Where the adder's blocks and pins go: the core's, or anybody's when the adder is used alone. */
export interface AddTarget {
  readonly self: PeerId
  /** The peers that shall hold the content. */
  blockAllocate(pin: Pin, options: AbortOptions): Promise<readonly PeerId[]>
  pin(pin: Pin, options: AbortOptions): Promise<Pin>
  /** The pin of a CID, if there is one: what an add that fails takes back is only what it has pinned itself. */
  getPin(cid: CID, options: AbortOptions): Promise<Pin | undefined>
  /** Takes back a pin, whatever its type. */
  unpin(cid: CID, options: AbortOptions): Promise<void>
  /** Ends when the peer has stored all blocks. */
  blockStream(peer: PeerId, blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void>
}

/**
 * Turns files into blocks and has them stored and pinned.
 *
 * @see behaviours.md §6
 */
export interface Adder extends Component {
  /** Events in the specified order; returns the root that was pinned. */
  add(
    entries: AsyncIterable<FileEntry>,
    params: AddParams,
    target: AddTarget,
    options: AbortOptions
  ): AsyncGenerator<AddedOutput, CID>
}
