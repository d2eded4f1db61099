/**
 * The messages of Bitswap by themselves: reading and writing them needs no engine, host or blockstore.
 *
 * @see bitswap.md §1, §4.5
 */
export { IDENTITY, parseCid, type CidPrefix, type WireCid, prefixOf } from './cid/parse.ts'
export { MalformedMessageError } from './errors.ts'
export {
  MAX_BLOCK_BYTES,
  MAX_BLOCKS_PER_FRAME,
  MAX_CID_BYTES,
  MAX_ENTRIES_PER_FRAME,
  MAX_FRAME_BYTES,
  MAX_PRESENCES_PER_FRAME,
  PROTOCOLS,
  protocolTraits,
  type ProtocolTraits
} from './wire/constants.ts'
export { decodeMessage } from './wire/decode.ts'
export { encodeMessage } from './wire/encode.ts'
export type {
  DecodedMessage,
  OutgoingBlock,
  OutgoingEntry,
  OutgoingMessage,
  OutgoingPresence,
  PrefixedBlock,
  Presence,
  WantlistEntry,
  WantType
} from './wire/message.ts'
