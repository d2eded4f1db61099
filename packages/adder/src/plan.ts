import { ClusterError, type AddParams } from '@cluster/api'
import type { CidVersion } from './dag-node.ts'

/** Longest chunk: 2 MiB less room for the envelope. */
const MAX_CHUNK_SIZE = 2_096_896
const DEFAULT_CHUNK_SIZE = 262_144

/** The hash functions that the reference computes; ours are fewer. */
const HASHES: ReadonlySet<string> = new Set(
  'sha1 sha2-256 sha2-512 sha3-256 sha3-512 blake2b-256 blake2s-256 blake3 keccak-256 dbl-sha2-256'.split(' ')
)

/** What the parameters mean for the building of the DAG. */
export interface Plan {
  readonly chunkSize: number
  readonly cidVersion: CidVersion
  readonly rawLeaves: boolean
}

/**
 * Checks the parameters before anything is read.
 *
 * @throws {ClusterError} `BAD_REQUEST` for what is wrong, `NOT_SUPPORTED` for what this adder does not do, naming it
 * @see behaviours.md §6.2
 */
export function planOf(params: AddParams): Plan {
  const { format, layout, rawLeaves } = params
  if (!['unixfs', 'car', ''].includes(format)) throw bad('bad dag formatter option')
  if (format === 'car') throw unsupported('format', 'car', 'unixfs')
  const cidVersion = cidVersionOf(params.cidVersion)
  checkHash(params.hash.toLowerCase(), cidVersion)
  if (params.shard) throw unsupported('shard', 'true', 'false')
  if (layout === 'trickle') throw unsupported('layout', layout, 'balanced')
  return { chunkSize: chunkSizeOf(params.chunker), cidVersion, rawLeaves }
}

function cidVersionOf(version: number): CidVersion {
  if (version === 0 || version === 1) return version
  throw bad(`bad CID Version: unknown CID version: ${version}`)
}

function checkHash(name: string, cidVersion: CidVersion): void {
  if (name === '' || name === 'sha2-256') return
  if (!HASHES.has(name)) throw bad('hash function name not known')
  if (cidVersion === 0) throw bad('invalid cid: invalid v0 prefix')
  throw unsupported('hash', name, 'sha2-256')
}

function chunkSizeOf(chunker: string): number {
  if (chunker === '' || chunker === 'default') return DEFAULT_CHUNK_SIZE
  const [word = '', size, ...rest] = chunker.split('-')
  if (word === 'rabin' || word === 'buzhash') throw unsupported('chunker', chunker, 'size-<bytes>')
  if (word !== 'size') throw bad(`unrecognized chunker option: ${chunker}`)
  if (size === undefined || rest.length > 0) throw bad('incorrect chunker string format (expected size-{size})')
  if (!/^[+-]?\d+$/.test(size)) throw bad(`strconv.Atoi: parsing ${JSON.stringify(size)}: invalid syntax`)
  const bytes = BigInt(size)
  if (bytes >= 1n << 63n) throw bad(`strconv.Atoi: parsing ${JSON.stringify(size)}: value out of range`)
  if (bytes <= 0n) throw bad('chunker size must be greater than 0')
  if (bytes > MAX_CHUNK_SIZE) {
    throw bad(`chunker parameters may not exceed the maximum chunk size of ${MAX_CHUNK_SIZE}`)
  }
  return Number(bytes)
}

const bad = (text: string): ClusterError => new ClusterError('BAD_REQUEST', text)

function unsupported(option: string, value: string, instead: string): ClusterError {
  return new ClusterError(
    'NOT_SUPPORTED',
    `${option}=${value} is not supported by this adder: use ${option}=${instead}`
  )
}
