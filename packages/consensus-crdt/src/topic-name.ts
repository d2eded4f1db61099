import { hash } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'
import * as Digest from 'multiformats/hashes/digest'

const MD5 = 0xd5

/** The topic of a cluster: base58 of the MD5 multihash of its name. @see wire-crdt.md §1.3 */
export function topicName(clusterName: string): string {
  return base58btc.baseEncode(Digest.create(MD5, hash('md5', clusterName, 'buffer')).bytes)
}
