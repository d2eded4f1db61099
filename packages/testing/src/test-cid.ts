import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'

const RAW = 0x55
const SHA2_256 = 0x12

/** A CID that is the same for the same number in every run: that of the raw block `test block <index>`. */
export function testCid(index: number): CID {
  const hash = createHash('sha256').update(`test block ${index}`).digest()
  return CID.createV1(RAW, digest.create(SHA2_256, new Uint8Array(hash)))
}
