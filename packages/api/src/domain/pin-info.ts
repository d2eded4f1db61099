import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { PinFailure } from './pin-failure.ts'
import type { Timestamp, WithTimeOffsets } from './timestamp.ts'
import { TrackerStatus, trackerStatusMatches } from './tracker-status.ts'

/** What one peer says of one pin, without the pin. */
export interface PinInfoShort extends WithTimeOffsets {
  readonly peername: string
  readonly ipfsPeerId: PeerId | undefined
  readonly ipfsPeerAddresses: readonly Multiaddr[] | undefined
  readonly status: TrackerStatus
  /** When the status was determined. */
  readonly timestamp: Timestamp | undefined
  /** Why, if something failed; else empty. */
  readonly error: string
  readonly attemptCount: number
  readonly priorityPin: boolean
  /** Of what failed: why, for programs. Only our peers say so. */
  readonly reason?: PinFailure | undefined
  /** Of what failed: when it is tried again by itself. Only our peers say so. */
  readonly retryAt?: Timestamp | undefined
}

/**
 * What one peer says of one pin.
 *
 * @see wire-host-rpc.md §4.4
 */
export interface PinInfo extends PinInfoShort {
  readonly cid: CID
  readonly name: string
  readonly peer: PeerId
  readonly allocations: readonly PeerId[] | undefined
  readonly origins: readonly Multiaddr[] | undefined
  readonly created: Timestamp | undefined
  readonly metadata: ReadonlyMap<string, string> | undefined
}

/** What the cluster says of one pin; `peerMap` is keyed by the base58 text of the peer IDs. */
export interface GlobalPinInfo extends WithTimeOffsets {
  readonly cid: CID
  readonly name: string
  readonly allocations: readonly PeerId[] | undefined
  readonly origins: readonly Multiaddr[] | undefined
  readonly created: Timestamp | undefined
  readonly metadata: ReadonlyMap<string, string> | undefined
  readonly peerMap: ReadonlyMap<string, PinInfoShort> | undefined
}

/**
 * Adds what one peer says to what the cluster says. What all peers share is taken from the last answer that is no
 * `cluster_error`.
 *
 * @see behaviours.md §0.6
 */
export function mergePinInfo(global: GlobalPinInfo | undefined, info: PinInfo): GlobalPinInfo {
  const peerMap = new Map(global?.peerMap).set(info.peer.toString(), withoutPin(info))
  if (global !== undefined && trackerStatusMatches(info.status, TrackerStatus.clusterError))
    return { ...global, peerMap }
  const { cid, name, allocations, origins, created, metadata } = info
  return { cid, name, allocations, origins, created, metadata, peerMap }
}

/**
 * Adds what some peers say, one after the other: what {@link mergePinInfo} does for each of them, without the copies in
 * between.
 */
export function mergePinInfos(global: GlobalPinInfo | undefined, infos: readonly PinInfo[]): GlobalPinInfo | undefined {
  if (infos.length === 0) return global
  const peerMap = new Map(global?.peerMap)
  let shared: Omit<GlobalPinInfo, 'peerMap'> | undefined = global
  for (const info of infos) {
    peerMap.set(info.peer.toString(), withoutPin(info))
    if (shared === undefined || !trackerStatusMatches(info.status, TrackerStatus.clusterError)) shared = info
  }
  if (shared === undefined) return undefined
  const { cid, name, allocations, origins, created, metadata } = shared
  return { cid, name, allocations, origins, created, metadata, peerMap }
}

/** Whether any peer's status is wanted by the filter. */
export function globalPinInfoMatches(info: GlobalPinInfo, filter: TrackerStatus): boolean {
  for (const { status } of info.peerMap?.values() ?? []) if (trackerStatusMatches(status, filter)) return true
  return false
}

/** What a peer says, without what all peers say alike. */
function withoutPin(info: PinInfo): PinInfoShort {
  const { peername, ipfsPeerId, ipfsPeerAddresses, status, timestamp, error, attemptCount, priorityPin } = info
  const short = { peername, ipfsPeerId, ipfsPeerAddresses, status, timestamp, error, attemptCount, priorityPin }
  const { reason, retryAt } = info
  return reason === undefined && retryAt === undefined ? short : { ...short, reason, retryAt }
}
