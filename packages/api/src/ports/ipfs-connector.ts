import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { TypedEventTarget } from 'main-event'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { Component } from '../component/component.ts'
import type { NodeWithMeta } from '../domain/add.ts'
import type { IPFSID } from '../domain/id.ts'
import type { IPFSPinInfo, IPFSPinStatus } from '../domain/ipfs-pin-status.ts'
import type { Pin } from '../domain/pin.ts'
import type { IPFSRepoGC, IPFSRepoStat } from '../domain/repo.ts'
import type { Pages } from '../paging.ts'

/** Whether the IPFS side answers. */
export interface IpfsHealth {
  /** `unknown` until it has answered, or failed to, for the first time. */
  readonly state: 'unknown' | 'up' | 'down'
  /** Since when, by the clock of the peer. */
  readonly sinceMs: number
  /** Why it is down; else empty. */
  readonly reason: string
}

/** What a connector tells its peer. */
export interface IpfsConnectorEvents {
  /**
   * The IPFS side went down, or is up again. What it holds may be anything then: it may have come back with an empty
   * repository. For watching only.
   */
  health: CustomEvent<IpfsHealth>
  /** Enough happened that the informers should publish again. */
  'informers:due': CustomEvent
  /** The daemon came back: connect it with the daemons of the other peers. */
  'swarms:due': CustomEvent
}

/** Options of a pin of {@link IpfsConnector}. */
export interface PinCallOptions extends AbortOptions {
  onProgress?(nodes: number, bytes?: number): void
  readonly isKnownAbsent?: boolean
}

/**
 * The IPFS side of a peer. It never retries: that is the tracker's business.
 *
 * @see behaviours.md §5
 */
export interface IpfsConnector extends Component, TypedEventTarget<IpfsConnectorEvents> {
  ready(options: AbortOptions): Promise<void>
  id(options: AbortOptions): Promise<IPFSID>
  /** Whether the IPFS side answers; absent where it is part of the peer, and so always does. */
  readonly health?: IpfsHealth
  /**
   * Returns when everything the pin covers is stored and kept. `onProgress` is told how many nodes are here by now, and
   * how many bytes they have when that is known. `isKnownAbsent`: the caller knows that it was not pinned, so nobody
   * need ask; should it be pinned nevertheless, that is no error.
   */
  pin(pin: Pin, options: PinCallOptions): Promise<void>
  /** Succeeds also when nothing was pinned. */
  unpin(cid: CID, options: AbortOptions): Promise<void>
  pinLsCid(pin: Pin, options: AbortOptions): Promise<IPFSPinStatus>
  /** Unordered. */
  pinLs(types: readonly ('recursive' | 'direct')[], options: AbortOptions): Pages<IPFSPinInfo>
  /** Stores blocks and holds them from garbage collection for a while. */
  blockStream(blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void>
  blockGet(cid: CID, options: AbortOptions): Promise<Uint8Array>
  resolve(path: string, options: AbortOptions): Promise<CID>
  repoStat(options: AbortOptions): Promise<IPFSRepoStat>
  repoGC(options: AbortOptions): AsyncIterable<IPFSRepoGC>
  swarmPeers(options: AbortOptions): Promise<readonly PeerId[]>
  connectSwarms(to: readonly Multiaddr[], options: AbortOptions): Promise<void>
}
