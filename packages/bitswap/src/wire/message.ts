import type { CidPrefix, WireCid } from '../cid/parse.ts'

/** Kind of want: the block itself, or only whether the peer has it. */
export type WantType = 'block' | 'have'
/** Answer of a peer about a block without the block. */
type PresenceType = 'have' | 'dont-have'

/** One line of a want list. */
export interface WantlistEntry {
  readonly cid: WireCid
  /** int32; higher is served first. */
  readonly priority: number
  readonly cancel: boolean
  readonly type: WantType
  readonly sendDontHave: boolean
}

/** A block with the prefix of its CID; which CID, only its hash tells. */
export interface PrefixedBlock {
  readonly prefix: CidPrefix
  readonly data: Uint8Array
}

/** HAVE or DONT_HAVE. */
export interface Presence {
  readonly cid: WireCid
  readonly type: PresenceType
}

/** A received message. Bytes are views of the frame. @see bitswap.md §1.3 */
export interface DecodedMessage {
  /** The entries are the whole want list of the sender. */
  readonly full: boolean
  readonly entries: readonly WantlistEntry[]
  /** Blocks of field 3, and those of field 2 with the prefix that it implies. */
  readonly blocks: readonly PrefixedBlock[]
  readonly presences: readonly Presence[]
  /** Bytes that the sender still has queued for us. */
  readonly pendingBytes: number
  /** CIDs and prefixes that were none, left out. */
  readonly skipped: number
}

/** A block to send. */
export interface OutgoingBlock {
  /** The prefix of the CID as it was asked for. */
  readonly prefix: Uint8Array
  readonly data: Uint8Array
}

/** A want list entry to send. */
export interface OutgoingEntry {
  readonly cid: Uint8Array
  readonly priority: number
  readonly cancel: boolean
  readonly type: WantType
  readonly sendDontHave: boolean
}

/** A presence to send. */
export interface OutgoingPresence {
  readonly cid: Uint8Array
  readonly type: PresenceType
}

/** A message to send; parts left out are empty. */
export interface OutgoingMessage {
  readonly full?: boolean
  readonly entries?: readonly OutgoingEntry[]
  readonly blocks?: readonly OutgoingBlock[]
  readonly presences?: readonly OutgoingPresence[]
  readonly pendingBytes?: number
}
