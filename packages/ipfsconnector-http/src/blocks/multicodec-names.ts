import { ClusterError } from '@cluster/api'
import type { CID } from 'multiformats/cid'

/** Codecs of blocks by code, as the multicodec table calls them. */
const codecs: ReadonlyMap<number, string> = new Map([
  [0x51, 'cbor'],
  [0x55, 'raw'],
  [0x63, 'bencode'],
  [0x70, 'dag-pb'],
  [0x71, 'dag-cbor'],
  [0x72, 'libp2p-key'],
  [0x78, 'git-raw'],
  [0x7b, 'torrent-info'],
  [0x7c, 'torrent-file'],
  [0x85, 'dag-jose'],
  [0x86, 'dag-cose'],
  [0x90, 'eth-block'],
  [0x91, 'eth-block-list'],
  [0x92, 'eth-tx-trie'],
  [0x93, 'eth-tx'],
  [0x94, 'eth-tx-receipt-trie'],
  [0x95, 'eth-tx-receipt'],
  [0x96, 'eth-state-trie'],
  [0x97, 'eth-account-snapshot'],
  [0x98, 'eth-storage-trie'],
  [0xb0, 'bitcoin-block'],
  [0xb1, 'bitcoin-tx'],
  [0xb2, 'bitcoin-witness-commitment'],
  [0xc0, 'zcash-block'],
  [0xc1, 'zcash-tx'],
  [0xe0, 'decred-block'],
  [0xe1, 'decred-tx'],
  [0xf0, 'dash-block'],
  [0xf1, 'dash-tx'],
  [0x0129, 'dag-json'],
  [0x0200, 'json'],
  [0x0202, 'car'],
  [0xf101, 'fil-commitment-unsealed'],
  [0xf102, 'fil-commitment-sealed']
])

/** Hash functions by multihash code; those of the BLAKE2 family are named by their length. */
const hashes: ReadonlyMap<number, string> = new Map([
  [0x00, 'identity'],
  [0x11, 'sha1'],
  [0x12, 'sha2-256'],
  [0x13, 'sha2-512'],
  [0x14, 'sha3-512'],
  [0x15, 'sha3-384'],
  [0x16, 'sha3-256'],
  [0x17, 'sha3-224'],
  [0x18, 'shake-128'],
  [0x19, 'shake-256'],
  [0x1a, 'keccak-224'],
  [0x1b, 'keccak-256'],
  [0x1c, 'keccak-384'],
  [0x1d, 'keccak-512'],
  [0x1e, 'blake3'],
  [0x20, 'sha2-384'],
  [0x22, 'murmur3-x64-64'],
  [0x56, 'dbl-sha2-256'],
  [0xd5, 'md5'],
  [0x1012, 'sha2-256-trunc254-padded'],
  [0x1013, 'sha2-224'],
  [0x1014, 'sha2-512-224'],
  [0x1015, 'sha2-512-256'],
  [0xb401, 'poseidon-bls12_381-a2-fc1']
])
const BLAKE2B_FIRST = 0xb201
const BLAKE2B_LAST = 0xb240
const BLAKE2S_FIRST = 0xb241
const BLAKE2S_LAST = 0xb260

/** Name of the codec of a CID. @throws {ClusterError} `NOT_SUPPORTED` */
export function codecName({ code }: CID): string {
  const name = codecs.get(code)
  if (name !== undefined) return name
  throw new ClusterError('NOT_SUPPORTED', `cannot find name for the blocks' CID codec: ${code.toString(16)}`)
}

/** Name of the hash function of a CID. @throws {ClusterError} `NOT_SUPPORTED` */
export function hashName({ multihash: { code } }: CID): string {
  if (code >= BLAKE2B_FIRST && code <= BLAKE2B_LAST) return `blake2b-${(code - BLAKE2B_FIRST + 1) * 8}`
  if (code >= BLAKE2S_FIRST && code <= BLAKE2S_LAST) return `blake2s-${(code - BLAKE2S_FIRST + 1) * 8}`
  const name = hashes.get(code)
  if (name !== undefined) return name
  throw new ClusterError('NOT_SUPPORTED', `cannot find name for the blocks' Multihash type: ${code.toString(16)}`)
}
