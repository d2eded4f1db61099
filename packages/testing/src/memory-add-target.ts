import type { AddTarget, NodeWithMeta, Pin } from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { testPeerId } from './test-peer-id.ts'

/** What a {@link MemoryAddTarget} may be told to do. */
export interface MemoryAddTargetInit {
  readonly self?: PeerId
  /** The peers that every allocation names; the target itself unless given. */
  readonly allocations?: readonly PeerId[]
  /** Called for each block of each peer before it is stored; may wait, or throw to break the stream. */
  readonly onBlock?: (peer: PeerId, block: NodeWithMeta, options: AbortOptions) => void | Promise<void>
}

/** A target of adds that keeps what it gets: blocks per peer in order, and pins. */
export class MemoryAddTarget implements AddTarget {
  readonly self: PeerId
  /** Allocations that were asked for. */
  readonly allocated: Pin[] = []
  readonly pinned: Pin[] = []
  readonly unpinned: CID[] = []
  readonly #allocations: readonly PeerId[]
  readonly #onBlock: MemoryAddTargetInit['onBlock']
  readonly #blocks = new Map<string, NodeWithMeta[]>()
  #streams = 0

  constructor({ self = testPeerId(0), allocations = [self], onBlock }: MemoryAddTargetInit = {}) {
    this.self = self
    this.#allocations = allocations
    this.#onBlock = onBlock
  }

  /** How many block streams were opened. */
  get streams(): number {
    return this.#streams
  }

  /** The blocks that a peer stored, in order. */
  blocksOf(peer: PeerId): readonly NodeWithMeta[] {
    return this.#blocks.get(peer.toString()) ?? []
  }

  blockAllocate(pin: Pin): Promise<readonly PeerId[]> {
    this.allocated.push(pin)
    return Promise.resolve(this.#allocations)
  }

  pin(pin: Pin): Promise<Pin> {
    this.pinned.push(pin)
    return Promise.resolve(pin)
  }

  getPin(cid: CID): Promise<Pin | undefined> {
    return Promise.resolve(this.pinned.findLast((pin) => pin.cid.equals(cid)))
  }

  unpin(cid: CID): Promise<void> {
    this.unpinned.push(cid)
    return Promise.resolve()
  }

  async blockStream(peer: PeerId, blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void> {
    this.#streams++
    const stored = this.#blocks.get(peer.toString()) ?? []
    this.#blocks.set(peer.toString(), stored)
    for await (const block of blocks) {
      await this.#onBlock?.(peer, block, options)
      stored.push(block)
    }
  }
}
