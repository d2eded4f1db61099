import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as json from 'multiformats/codecs/json'
import * as raw from 'multiformats/codecs/raw'
import { cborLinks } from './cbor-links.ts'
import { IpfsNodeError } from './errors.ts'

/** Code of dag-cbor, the codec of shards and cluster DAGs. */
const dagCborCode = 0x71
const dagJsonCode = 0x0129

/** Whether blocks of this codec have no links, so that their bytes need not be read on a walk. */
export function isLeafCodec(code: number): boolean {
  return code === raw.code || code === json.code
}

/**
 * The CIDs that a block links to, in order of appearance: dag-pb, dag-cbor, dag-json, and none for raw and json.
 *
 * @throws IpfsNodeError `UNKNOWN_CODEC` for another codec, `BAD_BLOCK` when the bytes are not of the codec.
 */
export function linksOf(cid: CID, bytes: Uint8Array): readonly CID[] {
  if (isLeafCodec(cid.code)) return []
  try {
    switch (cid.code) {
      case dagPb.code:
        return dagPb.decode(bytes).Links.map((link) => link.Hash)
      case dagCborCode:
        return cborLinks(bytes)
      case dagJsonCode: {
        const found: CID[] = []
        jsonLinks(json.decode(bytes), found)
        return found
      }
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new IpfsNodeError('BAD_BLOCK', `cannot decode block ${cid.toString()}: ${reason}`, { cause })
  }
  throw new IpfsNodeError(
    'UNKNOWN_CODEC',
    `codec 0x${cid.code.toString(16)} of ${cid.toString()} is not known, its links cannot be followed`
  )
}

function jsonLinks(root: unknown, found: CID[]): void {
  const left = [root] // own stack: nesting is in the hand of whoever made the block
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value !== 'object' || value === null) continue
    const values: unknown[] = Object.values(value)
    if ('/' in value && values.length === 1) {
      if (typeof values[0] === 'string') found.push(CID.parse(values[0]))
      continue // {"/": {"bytes": …}} is a byte string
    }
    for (let i = values.length - 1; i >= 0; i--) left.push(values[i])
  }
}
