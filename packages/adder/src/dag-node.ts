import { hash } from 'node:crypto'
import { code as dagPbCode, encode, type PBLink } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { code as rawCode } from 'multiformats/codecs/raw'
import { create as createDigest } from 'multiformats/hashes/digest'

/** The multihash code of SHA2-256. */
const SHA2_256 = 0x12
/** The multihash code of murmur3-x64-64, as HAMT nodes name their hash. */
const MURMUR3_X64_64 = 0x22n

/** How the CIDs of an add are made. */
export type CidVersion = 0 | 1

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
export function rawLeaf(data: Uint8Array): FileNode {
  const cid = CID.createV1(rawCode, digestOf(data))
  return { cid, bytes: data, cumSize: data.length, fileSize: data.length }
}

/**
 * The bytes as a UnixFS leaf of the balanced layout. Written by hand, in one piece: most of what is added are leaves,
 * and the libraries copy them several times.
 */
export function fileLeaf(data: Uint8Array, version: CidVersion): FileNode {
  const { length } = data
  const head = length === 0 ? [0x08, 0x02] : [0x08, 0x02, 0x12, ...varint(length)]
  const tail = [0x18, ...varint(length)]
  const start = [0x0a, ...varint(head.length + length + tail.length), ...head]
  const bytes = new Uint8Array(start.length + length + tail.length)
  bytes.set(start)
  bytes.set(data, start.length)
  bytes.set(tail, start.length + length)
  return { cid: pbCid(bytes, version), bytes, cumSize: bytes.length, fileSize: length }
}

/** A node above leaves or above other such nodes. */
export function innerFileNode(children: readonly FileNode[], version: CidVersion): FileNode {
  const unixfs = new UnixFS({ type: 'file', blockSizes: children.map(({ fileSize }) => BigInt(fileSize)) })
  const links = children.map(({ cid, cumSize }) => ({ name: '', cid, cumSize }))
  const fileSize = children.reduce((sum, child) => sum + child.fileSize, 0)
  return { ...pbNode(unixfs, links, version), fileSize }
}

/** A symbolic link; dag-pb also when leaves are raw. */
export function symlinkNode(target: string, version: CidVersion): DagNode {
  return pbNode(new UnixFS({ type: 'symlink', data: new TextEncoder().encode(target) }), [], version)
}

/** A directory in one block. The links must be sorted by the bytes of their names. */
export function directoryNode(links: readonly DagLink[], version: CidVersion): DagNode {
  return pbNode(new UnixFS({ type: 'directory' }), links, version)
}

/** A node of a directory that is spread over a HAMT. The links must be sorted by their names. */
export function hamtNode(links: readonly DagLink[], bitfield: Uint8Array, fanout: number, v: CidVersion): DagNode {
  const type = 'hamt-sharded-directory'
  return pbNode(new UnixFS({ type, data: bitfield, hashType: MURMUR3_X64_64, fanout: BigInt(fanout) }), links, v)
}

function pbNode(unixfs: UnixFS, children: readonly DagLink[], version: CidVersion): DagNode {
  const links = children.map(({ name, cid, cumSize }): PBLink => ({ Name: name, Hash: cid, Tsize: cumSize }))
  const bytes = encode({ Data: unixfs.marshal(), Links: links })
  const cumSize = children.reduce((sum, child) => sum + child.cumSize, bytes.length)
  return { cid: pbCid(bytes, version), bytes, cumSize }
}

function pbCid(bytes: Uint8Array, version: CidVersion): CID {
  const digest = digestOf(bytes)
  return version === 0 ? CID.createV0(digest) : CID.createV1(dagPbCode, digest)
}

/** A number as protobuf writes it, the lowest seven bits first. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))]
}

function digestOf(bytes: Uint8Array) {
  return createDigest(SHA2_256, new Uint8Array(hash('sha256', bytes, 'buffer')))
}
