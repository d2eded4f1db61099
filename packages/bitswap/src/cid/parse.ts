import { type BlockKey, latin1 } from './key.ts'

/** A CID as it stands on the wire, with what the engine needs of it. */
export interface WireCid {
  /** The CID exactly as it was sent. */
  readonly bytes: Uint8Array
  /** The same bytes as a latin1 string: this very CID as a key of maps. */
  readonly form: string
  /** The identity of the block. */
  readonly key: BlockKey
  readonly hashCode: number
  /** Bytes of digest. */
  readonly digestLength: number
}

/** The prefix of a block in a message: what its CID is, without the digest. */
export interface CidPrefix {
  readonly version: number
  readonly codec: number
  readonly hashCode: number
  readonly digestLength: number
}

/** Multihash code of the identity "hash". */
export const IDENTITY = 0x00
/** Multihash code of sha2-256. */
export const SHA2_256 = 0x12
const DAG_PB = 0x70
const V0_BYTES = 34
/** Longest varint of the multiformats. */
const MAX_VARINT_BYTES = 9
/** Four varints of at most ten bytes; more is not looked at. @see bitswap.md §4.7 */
const MAX_PREFIX_BYTES = 40

/** Reads minimal unsigned varints one after another; `undefined` once something is wrong. */
class Varints {
  readonly #bytes: Uint8Array
  position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  next(): number | undefined {
    let value = 0
    let scale = 1
    for (let length = 1; length <= MAX_VARINT_BYTES; length += 1, scale *= 0x80) {
      const byte = this.#bytes[this.position]
      if (byte === undefined) return undefined
      this.position += 1
      value += (byte & 0x7f) * scale
      if (byte >= 0x80) continue
      // A last byte of zero adds nothing: the number has a shorter form.
      return (byte === 0 && length > 1) || !Number.isSafeInteger(value) ? undefined : value
    }
    return undefined
  }
}

/**
 * Reads a binary CID as strictly as Go: minimal varints, version 1 or the 34-byte form of version 0, a digest of
 * exactly the announced length, nothing behind it.
 *
 * @returns `undefined` when it is no CID
 * @see bitswap.md §1.4, §1.9
 */
export function parseCid(bytes: Uint8Array): WireCid | undefined {
  if (bytes.length === V0_BYTES && bytes[0] === SHA2_256 && bytes[1] === 32) {
    const form = latin1(bytes)
    return { bytes, form, key: form, hashCode: SHA2_256, digestLength: 32 }
  }
  const varints = new Varints(bytes)
  if (varints.next() !== 1 || varints.next() === undefined) return undefined
  const multihashStart = varints.position
  const hashCode = varints.next()
  const digestLength = varints.next()
  if (hashCode === undefined || digestLength === undefined) return undefined
  if (varints.position + digestLength !== bytes.length) return undefined
  const form = latin1(bytes)
  return { bytes, form, key: form.slice(multihashStart), hashCode, digestLength }
}

/**
 * Reads the prefix of a block. Bytes after the fourth varint are ignored.
 *
 * @returns `undefined` when it is no prefix
 */
export function parsePrefix(bytes: Uint8Array): CidPrefix | undefined {
  const varints = new Varints(bytes.subarray(0, MAX_PREFIX_BYTES))
  const version = varints.next()
  const codec = varints.next()
  const hashCode = varints.next()
  const digestLength = varints.next()
  if (version === undefined || codec === undefined || hashCode === undefined || digestLength === undefined) {
    return undefined
  }
  if (version > 1 || (version === 0 && (hashCode !== SHA2_256 || digestLength !== 32))) return undefined
  return { version, codec, hashCode, digestLength }
}

/** The prefix with which a block is sent for a CID: the CID without its digest, or the fixed one of version 0. */
export function prefixOf(cid: WireCid): Uint8Array {
  if (cid.bytes[0] === SHA2_256) return Uint8Array.of(0, DAG_PB, SHA2_256, 32)
  return cid.bytes.subarray(0, cid.bytes.length - cid.digestLength)
}
