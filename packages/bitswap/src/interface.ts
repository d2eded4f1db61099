import type { Clock } from '@cluster/api'
import type { AbortOptions, ComponentLogger, DialTarget, PeerId, Startable, TypedEventTarget } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { BoundedFetchOptions } from './client/bounded-fetch.ts'
import type { BitswapHost } from './network/network.ts'
import type { BitswapBlockstore } from './server/block-reader.ts'
import type { BitswapStat } from './statistics.ts'
import type { GetHasher } from './verify/verifier.ts'

/** What `createBitswap` works with. @see bitswap.md §4.3.1 */
export interface BitswapComponents {
  readonly libp2p: BitswapHost
  /** The blocks that peers may have. Nothing is ever written to it. */
  readonly blockstore: BitswapBlockstore
  /** Hash functions besides sha2-256 and identity. */
  readonly getHasher?: GetHasher | undefined
  readonly logger?: ComponentLogger | undefined
  /** Default: the clock of the platform. */
  readonly clock?: Clock | undefined
  /** Numbers from 0 up to but not including 1. */
  readonly random?: (() => number) | undefined
}

/** A peer, or where to reach one. */
export type PeerTarget = DialTarget

/** Options of a want. */
export interface WantOptions extends AbortOptions {
  /** Dialed, and asked first. */
  readonly providers?: readonly PeerTarget[]
  /** A larger block fails this call only, with `BlockTooLargeError`. */
  readonly maxSizeBytes?: number
  /**
   * Looked at before anybody is asked. A block that is announced with `notify` while it looks is not missed, as it would
   * be by a caller who looks first and then wants.
   */
  local?(): Promise<Uint8Array | undefined>
  /** Called with the verified block; what it throws fails this call. */
  validate?(bytes: Uint8Array, cid: CID): void | Promise<void>
}

/** Options of a fetch of many blocks. */
export type GetBlocksOptions = Omit<WantOptions, 'local'> & BoundedFetchOptions

/** Options of a session. */
export interface SessionOptions extends AbortOptions {
  readonly providers?: readonly PeerTarget[]
  /** False: only peers that were given are asked. Default true. */
  readonly broadcast?: boolean
  /** True: only peers that were given are members, whoever else has a block. Default false. */
  readonly fixedPeers?: boolean
}

/** A block that arrived. */
export interface ReceivedBlock {
  /** As it was asked for. */
  readonly cid: CID
  readonly bytes: Uint8Array
  /** Absent: it was put in here. */
  readonly from?: PeerId
  /** From the call to the block, in milliseconds. */
  readonly delayMs: number
}

/** A want of ours. */
export interface WantlistItem {
  readonly cid: CID
  /** Whether a peer was asked for the block, or peers only whether they have it. */
  readonly type: 'block' | 'have'
  readonly broadcast: boolean
  readonly askedPeers: number
}

/** A want of a peer. */
export interface PeerWantlistItem {
  readonly cid: CID
  readonly type: 'block' | 'have'
  readonly priority: number
  readonly sendDontHave: boolean
  /** We do not have the block. */
  readonly missing: boolean
}

/** What went to and came from a peer. */
export interface Receipt {
  readonly peer: PeerId
  /** sent ÷ (recv + 1) */
  readonly value: number
  /** Bytes of blocks. */
  readonly sent: number
  readonly recv: number
  /** Messages with blocks, both ways. */
  readonly exchanged: number
}

/** Fetches blocks. */
export interface BlockFetcher {
  /**
   * The block, verified. Waits until a peer has it: give a signal.
   *
   * @throws InvalidCidError, InsecureHashError, WantlistFullError, BlockTooLargeError; the reason of the signal;
   * BitswapNotStartedError, BitswapStoppedError; SessionClosedError
   */
  want(cid: CID, options?: WantOptions): Promise<Uint8Array>
  /** As `want`, with where it came from and how long it took. */
  wantBlock(cid: CID, options?: WantOptions): Promise<ReceivedBlock>
  /** Many blocks as they arrive; the input is pulled lazily. Breaking off cancels what is left. */
  getBlocks(
    cids: Iterable<CID> | AsyncIterable<CID>,
    options?: GetBlocksOptions
  ): AsyncGenerator<ReceivedBlock, void, undefined>
}

/** A group of wants: peers that had one block are asked first for the next. */
export interface BitswapSession extends BlockFetcher {
  readonly id: number
  /** Dials the peer if need be, and asks it before others. */
  addPeer(peer: PeerTarget, options?: AbortOptions): Promise<void>
  peers(): Iterable<{ readonly peer: PeerId; readonly firstDeliveries: number; readonly available: boolean }>
  /** Ends the waits of the session with `reason`, else `SessionClosedError`. */
  close(reason?: Error): void
}

/** For watching only. */
export interface BitswapEvents {
  'peer:available': CustomEvent<PeerId>
  'peer:unavailable': CustomEvent<PeerId>
  'block:received': CustomEvent<{ cid: CID; from: PeerId; size: number; duplicate: boolean }>
  'block:sent': CustomEvent<{ cid: CID; to: PeerId; size: number }>
}

/** A Bitswap client and server on a libp2p host. @see bitswap.md §4.3.2 */
export interface Bitswap extends Startable, BlockFetcher, TypedEventTarget<BitswapEvents> {
  createSession(options?: SessionOptions): BitswapSession
  /**
   * The block is in the blockstore now: whoever waits for it here gets it, and peers that want it are sent it.
   *
   * @param bytes - saves reading it
   */
  notify(cid: CID, bytes?: Uint8Array, options?: AbortOptions): Promise<void>
  notifyMany(
    blocks: Iterable<{ readonly cid: CID; readonly bytes?: Uint8Array }>,
    options?: AbortOptions
  ): Promise<void>
  wantlist(): Iterable<WantlistItem>
  wantlistForPeer(peer: PeerId): Iterable<PeerWantlistItem>
  ledgerForPeer(peer: PeerId): Receipt
  /** Peers now connected that speak Bitswap. */
  peers(): Iterable<PeerId>
  stat(): BitswapStat
}
