import { pinsetKey, timestampToMs, type GlobalPinInfo, type Pin, type Timestamp } from '@cluster/api'
import type { CID } from 'multiformats/cid'

/** A pin as the service shows it. */
export interface ServedPin {
  /** Its place in pinset order. */
  readonly key: string
  /** The CID, or its text. */
  readonly cid: { toString(): string }
  readonly name: string
  readonly meta: ReadonlyMap<string, string>
  /** Multiaddresses as text. */
  readonly origins: readonly string[]
  /** Peers that hold it, as text; empty for all. */
  readonly allocations: readonly string[]
  /** Milliseconds since 1970; see {@link createdMsOf}. */
  readonly createdMs: number
}

/** What a pin and the status of one have in common. */
type Source = Pick<GlobalPinInfo, 'cid' | 'name' | 'metadata' | 'origins' | 'allocations'>

/** A pin of the pinset, or what a status says of one, as the service shows it. */
export function servedPin(source: Source, created: Timestamp | undefined): ServedPin {
  const { cid, name, metadata, origins, allocations } = source
  return {
    key: pinsetKey(cid),
    cid,
    name,
    meta: metadata ?? new Map(),
    origins: (origins ?? []).map(String),
    allocations: (allocations ?? []).map(String),
    createdMs: createdMsOf(cid, created)
  }
}

/** A pin of the pinset. */
export function servedPinOf(pin: Pin): ServedPin {
  return servedPin(pin, pin.timestamp)
}

/**
 * When a pin was made, in milliseconds. Its stored time has whole seconds; the milliseconds are a fixed number made from
 * its CID, so that pins of one second can be told apart and pages that end between them lose none.
 *
 * @see http-apis.md §6.7
 */
function createdMsOf(cid: CID, timestamp: Timestamp | undefined): number {
  const seconds = timestamp === undefined ? 0 : Math.floor(timestampToMs(timestamp) / 1000)
  const { digest } = cid.multihash
  let fraction = 0
  for (const byte of digest.subarray(-4)) fraction = (fraction * 256 + byte) % 1000
  return seconds * 1000 + fraction
}

/** Newest first, those of one instant by CID: for `sort`. */
export function byNewest(a: Pick<ServedPin, 'createdMs' | 'key'>, b: Pick<ServedPin, 'createdMs' | 'key'>): number {
  if (a.createdMs !== b.createdMs) return b.createdMs - a.createdMs
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}
