/** Bitswap with presences (HAVE, DONT_HAVE). @see bitswap.md §1.1 */
export const PROTOCOL_120 = '/ipfs/bitswap/1.2.0'
/** Bitswap with CID prefixes but without presences. */
const PROTOCOL_110 = '/ipfs/bitswap/1.1.0'
/** Bitswap whose blocks are plain bytes; CIDv0 is implied. */
const PROTOCOL_100 = '/ipfs/bitswap/1.0.0'
/** As 1.0.0, before versions were named. */
const PROTOCOL_UNVERSIONED = '/ipfs/bitswap'

/** All protocols, best first: the order of preference when a stream is opened. */
export const PROTOCOLS: readonly string[] = [PROTOCOL_120, PROTOCOL_110, PROTOCOL_100, PROTOCOL_UNVERSIONED]

/** Largest body of a frame, inclusive: what boxo and Helia accept. @see bitswap.md §1.2 */
export const MAX_FRAME_BYTES = 4_194_304
/** Largest block that fits one frame with a 4-byte prefix. @see bitswap.md §1.7 */
export const MAX_BLOCK_BYTES = MAX_FRAME_BYTES - 18
/** No message of ours is composed beyond this, except for a single larger block. */
export const MAX_COMPOSED_BYTES = 2_097_152
/** A first want to a peer has this priority, each later one less by one, as boxo assigns them. */
export const MAX_PRIORITY = 2_147_483_647
/** Longest CID accepted in a want: four varints and 128 bytes of digest. */
export const MAX_CID_BYTES = 168

/** Entries accepted in one frame: scanning stops there, and the message counts as malformed. @see bitswap.md §4.13 */
export const MAX_ENTRIES_PER_FRAME = 131_072
/** Presences accepted in one frame. */
export const MAX_PRESENCES_PER_FRAME = 131_072
/** Blocks accepted in one frame. */
export const MAX_BLOCKS_PER_FRAME = 32_768

/** What the name of a negotiated protocol says about its messages. */
export interface ProtocolTraits {
  /** The peer understands want-have and answers with presences. */
  readonly supportsHave: boolean
  /** Blocks travel with their CID prefix (field 3), else as plain bytes (field 2). */
  readonly prefixedBlocks: boolean
}

/**
 * The traits of a negotiated protocol: any name but the three old ones supports HAVE, as in boxo.
 *
 * @param prefix - the `protocolPrefix` in use
 */
export function protocolTraits(protocol: string, prefix = ''): ProtocolTraits {
  const plain = protocol.slice(prefix.length)
  const prefixedBlocks = plain !== PROTOCOL_100 && plain !== PROTOCOL_UNVERSIONED
  return { supportsHave: prefixedBlocks && plain !== PROTOCOL_110, prefixedBlocks }
}
