import { type CidPrefix, parseCid, parsePrefix, SHA2_256, type WireCid } from '../cid/parse.ts'
import { MalformedMessageError } from '../errors.ts'
import { MAX_BLOCKS_PER_FRAME, MAX_ENTRIES_PER_FRAME, MAX_PRESENCES_PER_FRAME } from './constants.ts'
import type { DecodedMessage, Presence, PrefixedBlock, WantlistEntry, WantType } from './message.ts'
import { LENGTH_DELIMITED, ProtobufReader, VARINT } from './protobuf-reader.ts'

/** What field 2 implies: CIDv0, dag-pb, sha2-256. */
const impliedPrefix: CidPrefix = { version: 0, codec: 0x70, hashCode: SHA2_256, digestLength: 32 }
const noBytes: Uint8Array = new Uint8Array(0)

/** A message while it is read. */
interface Draft {
  full: boolean
  readonly entries: WantlistEntry[]
  readonly blocks: PrefixedBlock[]
  readonly presences: Presence[]
  pendingBytes: number
  skipped: number
}

/**
 * Reads the body of a frame. Byte fields of the result are views of `body`.
 *
 * A CID or prefix that is none is left out and counted in `skipped`; the rest of the message is used. (Go throws the
 * whole message away then; the better half of a bad message harms nobody.)
 *
 * @throws MalformedMessageError when it is not a protobuf message, or has more entries, blocks or presences than one
 * frame may have
 * @see bitswap.md §1.3, §1.4, §1.9, §4.5
 */
export function decodeMessage(body: Uint8Array): DecodedMessage {
  const draft: Draft = { full: false, entries: [], blocks: [], presences: [], pendingBytes: 0, skipped: 0 }
  const reader = new ProtobufReader(body)
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === LENGTH_DELIMITED) {
      readWantlist(reader.bytes(), draft)
    } else if (reader.field === 2 && reader.wireType === LENGTH_DELIMITED) {
      addBlock(draft, { prefix: impliedPrefix, data: reader.bytes() })
    } else if (reader.field === 3 && reader.wireType === LENGTH_DELIMITED) {
      readBlock(reader.bytes(), draft)
    } else if (reader.field === 4 && reader.wireType === LENGTH_DELIMITED) {
      readPresence(reader.bytes(), draft)
    } else if (reader.field === 5 && reader.wireType === VARINT) {
      draft.pendingBytes = reader.int32()
    } else {
      reader.skip()
    }
  }
  return draft
}

function readWantlist(bytes: Uint8Array, draft: Draft): void {
  const reader = new ProtobufReader(bytes)
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === LENGTH_DELIMITED) {
      readEntry(reader.bytes(), draft)
    } else if (reader.field === 2 && reader.wireType === VARINT) {
      draft.full = reader.bool()
    } else {
      reader.skip()
    }
  }
}

function readEntry(bytes: Uint8Array, draft: Draft): void {
  const reader = new ProtobufReader(bytes)
  let cid = noBytes
  let priority = 0
  let cancel = false
  let type: WantType = 'block'
  let sendDontHave = false
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === LENGTH_DELIMITED) cid = reader.bytes()
    else if (reader.wireType !== VARINT) reader.skip()
    else if (reader.field === 2) priority = reader.int32()
    else if (reader.field === 3) cancel = reader.bool()
    // Anything but Block behaves like Have, as at a Go peer.
    else if (reader.field === 4) type = reader.int32() === 0 ? 'block' : 'have'
    else if (reader.field === 5) sendDontHave = reader.bool()
    else reader.skip()
  }
  const parsed = cidOrSkip(cid, draft)
  if (parsed === undefined) return
  if (draft.entries.length === MAX_ENTRIES_PER_FRAME) throw new MalformedMessageError('too many entries')
  draft.entries.push({ cid: parsed, priority, cancel, type, sendDontHave })
}

function readBlock(bytes: Uint8Array, draft: Draft): void {
  const reader = new ProtobufReader(bytes)
  let prefix = noBytes
  let data = noBytes
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === LENGTH_DELIMITED) prefix = reader.bytes()
    else if (reader.field === 2 && reader.wireType === LENGTH_DELIMITED) data = reader.bytes()
    else reader.skip()
  }
  const parsed = parsePrefix(prefix)
  if (parsed === undefined) draft.skipped += 1
  else addBlock(draft, { prefix: parsed, data })
}

function readPresence(bytes: Uint8Array, draft: Draft): void {
  const reader = new ProtobufReader(bytes)
  let cid = noBytes
  let type = 0
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === LENGTH_DELIMITED) cid = reader.bytes()
    else if (reader.field === 2 && reader.wireType === VARINT) type = reader.int32()
    else reader.skip()
  }
  const parsed = cidOrSkip(cid, draft)
  if (parsed === undefined || type < 0 || type > 1) return
  if (draft.presences.length === MAX_PRESENCES_PER_FRAME) throw new MalformedMessageError('too many presences')
  draft.presences.push({ cid: parsed, type: type === 0 ? 'have' : 'dont-have' })
}

function addBlock(draft: Draft, block: PrefixedBlock): void {
  if (draft.blocks.length === MAX_BLOCKS_PER_FRAME) throw new MalformedMessageError('too many blocks')
  draft.blocks.push(block)
}

function cidOrSkip(bytes: Uint8Array, draft: Draft): WireCid | undefined {
  const cid = parseCid(bytes)
  if (cid === undefined) draft.skipped += 1
  return cid
}
