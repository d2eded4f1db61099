import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { CID } from 'multiformats/cid'
import { asBlockCid, blockIdOf } from './block-id.ts'
import { CrdtError, messageOf } from '../errors.ts'
import { concatBytes } from './uvarint.ts'

/** Most heads in one message, so that it stays far below what gossip carries. @see spec/wire-crdt.md §7.3 P16 */
export const MAX_HEADS_PER_BROADCAST = 1000

/** Largest announcement that is read: what a message of the Go peer's gossip carries. */
const MAX_BROADCAST_BYTES = 1024 * 1024

const HEADS = 1
const HEAD_CID = 1

/** The announcement of some heads. @see spec/wire-crdt.md §2.3 */
export function encodeBroadcast(heads: readonly CID[]): Uint8Array {
  const writer = new BinaryWriter()
  for (const head of heads) {
    writer.tag(HEADS, WireType.LengthDelimited).fork()
    writer.tag(HEAD_CID, WireType.LengthDelimited).bytes(head.bytes).join()
  }
  return writer.finish()
}

/**
 * Reads an announcement, also one in the legacy form of a bare CID. Heads come as CIDv1, without duplicates.
 *
 * @param foreign - told of heads that cannot be blocks of a store; as with the Go peer, the others count all the same
 * @throws CrdtError `ERR_CRDT_BAD_BROADCAST`
 */
export function decodeBroadcast(bytes: Uint8Array, foreign?: (cid: CID) => void): CID[] {
  if (bytes.length > MAX_BROADCAST_BYTES) {
    throw new CrdtError(
      'ERR_CRDT_BAD_BROADCAST',
      `error decoding broadcast: it has ${bytes.length} bytes, more than ${MAX_BROADCAST_BYTES}`,
      { reason: 'broadcast-too-large' }
    )
  }
  const heads = new Map<string, CID>()
  const strange: CID[] = []
  const add = (bytesOfCid: Uint8Array): void => {
    const head = CID.decode(bytesOfCid)
    const cid = asBlockCid(head)
    if (cid === undefined) strange.push(head)
    else heads.set(blockIdOf(cid), cid)
  }
  try {
    const unknown: Uint8Array[] = []
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const start = reader.pos
      const [field, type] = reader.tag()
      if (field === HEADS && type === WireType.LengthDelimited) {
        add(decodeHead(reader.bytes()))
      } else {
        reader.skip(type, field)
        unknown.push(bytes.subarray(start, reader.pos))
      }
    }
    if (unknown.length > 0) {
      // what is not ours at the top level was, long ago, the whole message: one binary CID
      heads.clear()
      strange.length = 0
      add(concatBytes(...unknown))
    }
  } catch (cause) {
    throw new CrdtError('ERR_CRDT_BAD_BROADCAST', `error decoding broadcast: ${messageOf(cause)}`, {
      cause,
      reason: 'bad-broadcast'
    })
  }
  if (foreign !== undefined) for (const cid of strange) foreign(cid)
  return [...heads.values()]
}

function decodeHead(bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes)
  let cid: Uint8Array = new Uint8Array()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === HEAD_CID && type === WireType.LengthDelimited) cid = reader.bytes()
    else reader.skip(type, field)
  }
  return cid
}
