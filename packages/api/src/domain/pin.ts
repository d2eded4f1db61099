import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { pinModeToDepth, type PinDepth, type PinMode } from './pin-mode.ts'
import { PinType } from './pin-type.ts'
import { pinOptionsSchema } from './schemas.ts'
import type { Timestamp, WithTimeOffsets } from './timestamp.ts'

/**
 * What a caller may say about a pin.
 *
 * A list or map that is `undefined` was absent on the wire (`null` in JSON), which Go tells from an empty one.
 *
 * @see wire-host-rpc.md §4.4
 */
export interface PinOptions extends WithTimeOffsets {
  /** Fewest copies; −1 on both factors means every peer, 0 the configured default. */
  readonly replicationFactorMin: number
  /** Most copies; see {@link PinOptions.replicationFactorMin}. */
  readonly replicationFactorMax: number
  readonly name: string
  readonly mode: PinMode
  /** Bytes; 0 for pins that are no shards. */
  readonly shardSize: bigint
  /** Peers to prefer. Not stored. */
  readonly userAllocations: readonly PeerId[] | undefined
  /** When the cluster removes the pin; `undefined` for never. */
  readonly expireAt: Timestamp | undefined
  readonly metadata: ReadonlyMap<string, string> | undefined
  /** The CID whose pin this one follows up. */
  readonly pinUpdate: CID | undefined
  /** Addresses of IPFS nodes known to have the content. */
  readonly origins: readonly Multiaddr[] | undefined
}

/** An entry of the pinset. */
export interface Pin extends PinOptions {
  readonly cid: CID
  readonly type: PinType
  /** The peers that hold it; empty when every peer does. */
  readonly allocations: readonly PeerId[] | undefined
  readonly maxDepth: PinDepth
  /** Shard: the shard before it. Meta pin: its cluster DAG. Cluster DAG: its meta pin. */
  readonly reference: CID | undefined
  readonly timestamp: Timestamp | undefined
}

/** A pin by path instead of CID: the path is resolved first. */
export interface PinPath extends PinOptions {
  readonly path: string
}

/** Options with every field at its zero value. */
export const ZERO_PIN_OPTIONS: PinOptions = Object.freeze(pinOptionsSchema.parse({}))

/** A data pin of a CID: the given options, zero values for the rest, depth from the mode. */
export function pinOf(cid: CID, options: Partial<PinOptions> & { readonly timestamp?: Timestamp } = {}): Pin {
  const { timestamp, ...rest } = options
  const merged = { ...ZERO_PIN_OPTIONS, ...rest }
  return {
    ...merged,
    cid,
    type: PinType.data,
    allocations: [],
    maxDepth: pinModeToDepth(merged.mode),
    reference: undefined,
    timestamp
  }
}

/** Whether every peer of the cluster holds the pin. */
export function isPinEverywhere(pin: PinOptions): boolean {
  return pin.replicationFactorMin === -1 && pin.replicationFactorMax === -1
}

/** Whether the pin is held by others than this peer. */
export function isRemotePin(pin: Pin, peer: PeerId): boolean {
  return !isPinEverywhere(pin) && !(pin.allocations ?? []).some((holder) => holder.equals(peer))
}

/** Whether the pin's time is over. An expiry at the Unix epoch counts as none. */
export function isPinExpired(pin: PinOptions, now: Timestamp): boolean {
  return pin.expireAt !== undefined && pin.expireAt !== 0n && pin.expireAt < now
}

/**
 * Whether two pins say the same. `pinUpdate` and `timestamp` do not count.
 *
 * @see behaviours.md §0.5, with the one-directional comparison of metadata, which mixed clusters rely on
 */
export function pinsEqual(a: Pin, b: Pin): boolean {
  return (
    a.cid.equals(b.cid) &&
    a.type === b.type &&
    a.maxDepth === b.maxDepth &&
    sameCid(a.reference, b.reference) &&
    samePeers(a.allocations, b.allocations) &&
    pinOptionsEqual(a, b)
  )
}

/** The part of {@link pinsEqual} that concerns the options. */
export function pinOptionsEqual(a: PinOptions, b: PinOptions): boolean {
  return (
    a.name === b.name &&
    a.mode === b.mode &&
    a.replicationFactorMin === b.replicationFactorMin &&
    a.replicationFactorMax === b.replicationFactorMax &&
    a.shardSize === b.shardSize &&
    samePeers(a.userAllocations, b.userAllocations) &&
    a.expireAt === b.expireAt &&
    coversMetadata(a.metadata, b.metadata) &&
    coversOrigins(a.origins ?? [], b.origins ?? [])
  )
}

function sameCid(a: CID | undefined, b: CID | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}

function samePeers(a: readonly PeerId[] | undefined, b: readonly PeerId[] | undefined): boolean {
  const text = (peers: readonly PeerId[] | undefined): string => (peers ?? []).map(String).sort().join()
  return text(a) === text(b)
}

function coversMetadata(
  a: ReadonlyMap<string, string> | undefined,
  b: ReadonlyMap<string, string> | undefined
): boolean {
  for (const [key, value] of a ?? []) if (key !== '' && (b?.get(key) ?? '') !== value) return false
  return true
}

function coversOrigins(a: readonly Multiaddr[], b: readonly Multiaddr[]): boolean {
  return a.length === b.length && a.every((origin) => b.some((other) => other.equals(origin)))
}
