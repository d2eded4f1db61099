import { code as dagPbCode, encode, type PBLink } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { code as rawCode } from 'multiformats/codecs/raw'
import type { Chunk } from '../chunk/chunk.ts'
import type { HashFunction } from './hash-function.ts'
import { multihashOf } from './multihash.ts'

/** The multihash code of SHA2-256, which CIDs of version 0 have. */
const SHA2_256_CODE = 0x12
/** The multihash code of murmur3-x64-64, as HAMT nodes name their hash. */
const MURMUR3_X64_64 = 0x22n

/** How the nodes of an add are made. */
export interface CidFormat {
  readonly version: 0 | 1
  readonly hash: HashFunction
  /** Leaves of files are their bare bytes. */
  readonly rawLeaves: boolean
}

/** A block that was made: its CID, bytes, and the cumulative size of the DAG below it, itself included. */
export interface DagNode {
  readonly cid: CID
  readonly bytes: Uint8Array
  readonly cumSize: number
}

/** A child as its parent names it. */
export interface DagLink {
  readonly name: string
  readonly cid: CID
  readonly cumSize: number
}

/** A node of a file, with how many bytes of the file it stands for. */
export interface FileNode extends DagNode {
  readonly fileSize: number
}

/** The bare bytes as a leaf, always CIDv1. */
export function rawLeaf({ data }: Chunk, { hash }: CidFormat): FileNode {
  const cid = CID.createV1(rawCode, multihashOf(hash.code, hash.digest(data)))
  return { cid, bytes: data, cumSize: data.length, fileSize: data.length }
}

/**
 * The bytes as a UnixFS leaf; the balanced layout has leaves of the type `file`, trickle `raw`. Written by hand, around
 * the bytes where there is room: most of what is added are leaves, and the libraries copy them several times.
 */
export function fileLeaf({ data, hasRoom }: Chunk, type: 'file' | 'raw', format: CidFormat): FileNode {
  const { length } = data
  const typeField = [0x08, type === 'file' ? 0x02 : 0x00]
  const head = length === 0 ? typeField : [...typeField, 0x12, ...varint(length)]
  const tail = [0x18, ...varint(length)]
  const start = [0x0a, ...varint(head.length + length + tail.length), ...head]
  const size = start.length + length + tail.length
  const bytes = hasRoom ? new Uint8Array(data.buffer, data.byteOffset - start.length, size) : new Uint8Array(size)
  bytes.set(start)
  if (!hasRoom) bytes.set(data, start.length)
  bytes.set(tail, start.length + length)
  return { cid: pbCid(bytes, format), bytes, cumSize: bytes.length, fileSize: length }
}

/** A node above leaves or above other such nodes. */
export function innerFileNode(children: readonly FileNode[], format: CidFormat): FileNode {
  const unixfs = new UnixFS({ type: 'file', blockSizes: children.map(({ fileSize }) => BigInt(fileSize)) })
  const links = children.map(({ cid, cumSize }) => ({ name: '', cid, cumSize }))
  const fileSize = children.reduce((sum, child) => sum + child.fileSize, 0)
  return { ...pbNode(unixfs, links, format), fileSize }
}

/** A symbolic link; dag-pb also when leaves are raw. */
export function symlinkNode(target: string, format: CidFormat): DagNode {
  return pbNode(new UnixFS({ type: 'symlink', data: new TextEncoder().encode(target) }), [], format)
}

/** A directory in one block. The links must be sorted by the bytes of their names. */
export function directoryNode(links: readonly DagLink[], format: CidFormat): DagNode {
  return pbNode(new UnixFS({ type: 'directory' }), links, format)
}

/** A node of a directory that is spread over a HAMT. The links must be sorted by their names. */
export function hamtNode(links: readonly DagLink[], bitfield: Uint8Array, fanout: number, format: CidFormat): DagNode {
  const type = 'hamt-sharded-directory'
  return pbNode(new UnixFS({ type, data: bitfield, hashType: MURMUR3_X64_64, fanout: BigInt(fanout) }), links, format)
}

function pbNode(unixfs: UnixFS, children: readonly DagLink[], format: CidFormat): DagNode {
  const links = children.map(({ name, cid, cumSize }): PBLink => ({ Name: name, Hash: cid, Tsize: cumSize }))
  const bytes = encode({ Data: unixfs.marshal(), Links: links })
  const cumSize = children.reduce((sum, child) => sum + child.cumSize, bytes.length)
  return { cid: pbCid(bytes, format), bytes, cumSize }
}

function pbCid(bytes: Uint8Array, { version, hash }: CidFormat): CID {
  const digest = hash.digest(bytes)
  return version === 0
    ? CID.createV0(multihashOf(SHA2_256_CODE, digest))
    : CID.createV1(dagPbCode, multihashOf(hash.code, digest))
}

/** A number as protobuf writes it, the lowest seven bits first. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))]
}
