import { ClusterError } from '@cluster/api'
import { code as cborCode, decode as decodeCbor } from '@ipld/dag-cbor'
import { code as pbCode, decode as decodePb } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { code as rawCode } from 'multiformats/codecs/raw'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { DagNode } from '../dag/dag-node.ts'
import { hashFunctionOfCode } from '../dag/hash-function.ts'
import type { CarBlock } from './read-car.ts'

/** Multihash code of CIDs that carry their content. */
export const IDENTITY = 0x00

/** A block that is what its CID says. */
export interface VerifiedBlock extends DagNode {
  /** Bytes of the file that it is the root of; 0 for what is no file. */
  readonly fileSize: bigint
}

/**
 * Checks the bytes of a block against its CID, and that they can be decoded.
 *
 * @throws {ClusterError} `BAD_REQUEST`
 * @see behaviours.md §6.12
 */
export function verifyBlock({ cid, bytes }: CarBlock): VerifiedBlock {
  checkDigest(cid, bytes)
  switch (cid.code) {
    case rawCode:
      return { cid, bytes, cumSize: bytes.length, fileSize: 0n }
    case pbCode: {
      const { Links, Data } = decoded(cid, () => decodePb(bytes))
      const cumSize = Links.reduce((sum, { Tsize = 0 }) => sum + Tsize, bytes.length)
      return { cid, bytes, cumSize, fileSize: Data === undefined ? 0n : fileSizeOf(Data) }
    }
    case cborCode:
      decoded(cid, () => decodeCbor(bytes))
      return { cid, bytes, cumSize: bytes.length, fileSize: 0n }
    default: {
      const name = `${cid.code} (0x${cid.code.toString(16)})`
      throw bad(`could not choose a decoder: no decoder registered for multicodec code ${name}`)
    }
  }
}

function checkDigest(cid: CID, bytes: Uint8Array): void {
  const { code, digest } = cid.multihash
  const actual = code === IDENTITY ? bytes : hashFunctionOfCode(code).digest(bytes)
  // A digest may be a shorter one of the same function.
  if (actual.length >= digest.length && Buffer.compare(actual.subarray(0, digest.length), digest) === 0) return
  const data = CID.create(cid.version, cid.code, createDigest(code, actual))
  throw bad(`mismatch in content integrity, name: ${cid.toString()}, data: ${data.toString()}`)
}

function decoded<T>(cid: CID, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new ClusterError('BAD_REQUEST', `block ${cid.toString()} cannot be decoded: ${text}`, { cause })
  }
}

function fileSizeOf(data: Uint8Array): bigint {
  try {
    return UnixFS.unmarshal(data).fileSize()
  } catch {
    return 0n // dag-pb that is no UnixFS
  }
}

const bad = (text: string): ClusterError => new ClusterError('BAD_REQUEST', text)
