import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { CID } from 'multiformats/cid'
import { asBlockCid, blockIdOf } from './block-id.ts'
import { CrdtError, messageOf } from '../errors.ts'
import { concatBytes } from './uvarint.ts'

/** Most heads in one message, so that it stays far below what gossip carries. @see spec/wire-crdt.md §7.3 P16 */
export const MAX_HEADS_PER_BROADCAST = 1000

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
 * @throws CrdtError `ERR_CRDT_BAD_BROADCAST`
 */
export function decodeBroadcast(bytes: Uint8Array): CID[] {
  const heads = new Map<string, CID>()
  const add = (bytesOfCid: Uint8Array): void => {
    const cid = asBlockCid(CID.decode(bytesOfCid))
    if (cid === undefined) throw new Error('a head is not dag-pb with sha2-256')
    heads.set(blockIdOf(cid), cid)
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
      add(concatBytes(...unknown))
    }
  } catch (cause) {
    throw new CrdtError('ERR_CRDT_BAD_BROADCAST', `error decoding broadcast: ${messageOf(cause)}`, cause)
  }
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
