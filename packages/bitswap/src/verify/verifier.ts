import { hash, subtle } from 'node:crypto'
import type { MultihashHasher } from 'multiformats'
import { lengthPrefix } from '@cluster/streams'
import { type BlockKey, latin1 } from '../cid/key.ts'
import { SHA2_256 } from '../cid/parse.ts'
import type { PrefixedBlock } from '../wire/message.ts'

/** Gives the hash function of a multihash code; throws or rejects for one that it does not know. */
export type GetHasher = (code: number) => MultihashHasher | Promise<MultihashHasher>

type Digest = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** Up to this size hashing at once is quicker than the way to the thread pool. @see bitswap.md §4.7 */
const SYNC_HASH_BYTES = 32_768

/**
 * Computes the identity of received blocks. A block is what its bytes hash to, whatever its sender claims: a wrong one
 * has a key that nobody wants.
 *
 * @see bitswap.md §4.7
 */
export class Verifier {
  readonly #getHasher: GetHasher | undefined
  readonly #hashers = new Map<number, Promise<Digest | undefined>>()

  constructor(getHasher?: GetHasher) {
    this.#getHasher = getHasher
  }

  /** Whether blocks with this hash function can be verified. */
  async supports(hashCode: number): Promise<boolean> {
    return hashCode === SHA2_256 || (await this.#hasher(hashCode)) !== undefined
  }

  /**
   * The key of a block: the function of its prefix over its data, cut to the length that the prefix names.
   *
   * @returns `undefined` when the function is unknown or gives fewer bytes than that
   */
  async keyOf({ prefix, data }: PrefixedBlock): Promise<BlockKey | undefined> {
    const { hashCode, digestLength } = prefix
    let digest: Uint8Array
    if (hashCode === SHA2_256) {
      digest = await sha256(data)
    } else {
      const hasher = await this.#hasher(hashCode)
      if (hasher === undefined) return undefined
      digest = await hasher(data)
    }
    if (digest.length < digestLength) return undefined
    return (
      latin1(lengthPrefix(hashCode)) + latin1(lengthPrefix(digestLength)) + latin1(digest.subarray(0, digestLength))
    )
  }

  #hasher(code: number): Promise<Digest | undefined> {
    let hasher = this.#hashers.get(code)
    if (hasher === undefined) {
      hasher = this.#find(code)
      this.#hashers.set(code, hasher)
    }
    return hasher
  }

  async #find(code: number): Promise<Digest | undefined> {
    try {
      const hasher = await this.#getHasher?.(code)
      return hasher && (async (data) => (await hasher.digest(data)).digest)
    } catch {
      // It may be there later; only what was found is kept.
      this.#hashers.delete(code)
      return undefined
    }
  }
}

function sha256(data: Uint8Array): Uint8Array | Promise<Uint8Array> {
  if (data.length <= SYNC_HASH_BYTES) return hash('sha256', data, 'buffer')
  return subtle
    .digest('SHA-256', Uint8Array.prototype.subarray.call(data) as Uint8Array<ArrayBuffer>)
    .then((digest) => new Uint8Array(digest))
}
