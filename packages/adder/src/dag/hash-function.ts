import { hash } from 'node:crypto'
import { blake2b, blake2s } from '@noble/hashes/blake2.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { keccak_224, keccak_256, keccak_384, keccak_512 } from '@noble/hashes/sha3.js'
import { ClusterError } from '@cluster/api'

/** A hash function of CIDs. */
export interface HashFunction {
  /** Its code in the multihash table. */
  readonly code: number
  /** The digest alone, without code and length. */
  digest(bytes: Uint8Array): Uint8Array
}

/** By name; those of OpenSSL first. */
const functions: ReadonlyMap<string, HashFunction> = new Map([
  ['sha1', openSsl(0x11, 'sha1')],
  ['sha2-256', openSsl(0x12, 'sha256')],
  ['sha2-512', openSsl(0x13, 'sha512')],
  ['sha3-512', openSsl(0x14, 'sha3-512')],
  ['sha3-384', openSsl(0x15, 'sha3-384')],
  ['sha3-256', openSsl(0x16, 'sha3-256')],
  ['sha3-224', openSsl(0x17, 'sha3-224')],
  ['sha2-384', openSsl(0x20, 'sha384')],
  ['keccak-224', { code: 0x1a, digest: keccak_224 }],
  ['keccak-256', { code: 0x1b, digest: keccak_256 }],
  ['keccak-384', { code: 0x1c, digest: keccak_384 }],
  ['keccak-512', { code: 0x1d, digest: keccak_512 }],
  ['blake3', { code: 0x1e, digest: (bytes) => blake3(bytes) }],
  ['dbl-sha2-256', { code: 0x56, digest: (bytes) => hash('sha256', hash('sha256', bytes, 'buffer'), 'buffer') }]
])

/** IPFS takes no shorter digests. */
const MIN_BLAKE2_BYTES = 20
/** Code of the blake2b (or blake2s) digest of 8 bits; each further 8 bits have the next code. */
const [BLAKE2B_8, BLAKE2S_8] = [0xb201, 0xb241]

/** Names that the reference knows, but that give no block that IPFS takes; with what it then says. */
const refused: ReadonlyMap<string, string> = new Map([
  ...['identity', 'md5', 'murmur3-x64-64'].map((name): [string, string] => [
    name,
    `failed to put block on all destinations: IPFS takes no blocks with hash=${name}`
  ]),
  ['sha2-256-trunc254-padded', 'invalid cid: unknown multihash code 4114 (0x1012): no such hash registered']
])

/** SHA2-256, which CIDs of version 0 always have. */
export const SHA2_256: HashFunction = openSsl(0x12, 'sha256')

/**
 * A hash function by its name in the multihash table, in any case; empty is `sha2-256`.
 *
 * @throws {ClusterError} `BAD_REQUEST` when there is none of that name, or IPFS takes no blocks that have it
 * @see behaviours.md §6.2
 */
export function hashFunctionOf(name: string): HashFunction {
  const key = name.toLowerCase()
  if (key === '' || key === 'sha2-256') return SHA2_256
  const [, kind, bits] = /^blake2([bs])-(\d+)$/.exec(key) ?? []
  const found = functions.get(key) ?? (kind === undefined ? undefined : blake2(kind, Number(bits) / 8))
  if (found === undefined) throw new ClusterError('BAD_REQUEST', refused.get(key) ?? 'hash function name not known')
  return found
}

/**
 * A hash function by its code in the multihash table.
 *
 * @throws {ClusterError} `BAD_REQUEST` when it cannot be computed here
 */
export function hashFunctionOfCode(code: number): HashFunction {
  if (code === SHA2_256.code) return SHA2_256
  const found =
    [...functions.values()].find((one) => one.code === code) ??
    blake2('b', code - BLAKE2B_8 + 1) ??
    blake2('s', code - BLAKE2S_8 + 1)
  if (found !== undefined) return found
  const text = `unknown multihash code ${code} (0x${code.toString(16)}): no such hash registered`
  throw new ClusterError('BAD_REQUEST', text)
}

function openSsl(code: number, algorithm: string): HashFunction {
  return { code, digest: (bytes) => hash(algorithm, bytes, 'buffer') }
}

function blake2(kind: string, dkLen: number): HashFunction | undefined {
  if (!Number.isInteger(dkLen) || dkLen < MIN_BLAKE2_BYTES || dkLen > (kind === 'b' ? 64 : 32)) return undefined
  if (kind === 'b') return { code: BLAKE2B_8 + dkLen - 1, digest: (bytes) => blake2b(bytes, { dkLen }) }
  return { code: BLAKE2S_8 + dkLen - 1, digest: (bytes) => blake2s(bytes, { dkLen }) }
}
