import { hash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'

const RAW = 0x55
const SHA2_256 = 0x12

/** The CID of a text as a raw block: the same in every process that knows the text. */
export function contentCid(text: string): string {
  return CID.createV1(RAW, digest.create(SHA2_256, hash('sha256', text, 'buffer'))).toString()
}
