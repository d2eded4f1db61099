import * as dagPb from '@ipld/dag-pb'
import type { AbortOptions } from '@libp2p/interface'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { IpfsNodeError } from './errors.ts'
import type { GetBlock } from './unixfs-path.ts'

/** Blocks read ahead of the reader: with 256 KiB blocks 2 MiB. */
const readAhead = 8

/** Deepest tree of a file: 174 links a node make 10 levels exceed any disk. */
const maxFileLevels = 32

/** A UnixFS node of any kind. */
export interface UnixfsNode {
  readonly cid: CID
  readonly type: 'file' | 'directory' | 'symlink'
  /** Bytes of a file, or of the target of a symlink. */
  readonly size: number
}

interface Piece {
  readonly cid: CID
  readonly bytes: number
}

interface Opened {
  readonly data: Uint8Array
  readonly pieces: readonly Piece[]
}

/**
 * What a CID is: file (raw blocks are files too), directory or symlink.
 *
 * @throws IpfsNodeError `BAD_BLOCK` when it is dag-pb but not UnixFS, `UNKNOWN_CODEC` for other codecs
 */
export async function openUnixfs(cid: CID, get: GetBlock, options: AbortOptions): Promise<UnixfsNode> {
  const bytes = await get(cid, options)
  if (cid.code === raw.code) return { cid, type: 'file', size: bytes.byteLength }
  const { unixfs } = decode(cid, bytes)
  if (unixfs.isDirectory()) return { cid, type: 'directory', size: 0 }
  if (unixfs.type === 'symlink') return { cid, type: 'symlink', size: unixfs.data?.byteLength ?? 0 }
  if (unixfs.type === 'metadata')
    throw new IpfsNodeError('BAD_BLOCK', `${cid.toString()} is UnixFS metadata, not a file`)
  return { cid, type: 'file', size: Number(unixfs.fileSize()) }
}

/**
 * The bytes of a file from `start` up to `end` (exclusive), as a pulled stream: at most eight blocks are read ahead of
 * the reader, so a file of any size needs little memory.
 *
 * @throws IpfsNodeError `BAD_BLOCK` when a block does not have the size that its parent promises
 */
export async function* readUnixfs(
  cid: CID,
  range: { readonly start: number; readonly end: number },
  get: GetBlock,
  options: AbortOptions
): AsyncGenerator<Uint8Array> {
  if (range.start >= range.end) return
  const opened = open(cid, await get(cid, options))
  yield* read(opened, range.start, range.end, 0)

  async function* read(node: Opened, start: number, end: number, level: number): AsyncGenerator<Uint8Array> {
    if (level > maxFileLevels) throw new IpfsNodeError('BAD_BLOCK', `file ${cid.toString()} is nested too deep`)
    if (start < node.data.byteLength) yield node.data.subarray(start, Math.min(end, node.data.byteLength))
    const wanted: { piece: Piece; at: number }[] = []
    let at = node.data.byteLength
    for (const piece of node.pieces) {
      if (piece.bytes > 0 && at < end && at + piece.bytes > start) wanted.push({ piece, at })
      at += piece.bytes
    }
    const ahead: Promise<Uint8Array>[] = []
    let next = 0
    for (const { piece, at: pieceStart } of wanted) {
      for (; next < wanted.length && ahead.length < readAhead; next++) {
        const block = wanted[next]
        if (block === undefined) break
        const promise = get(block.piece.cid, options)
        promise.catch(() => undefined) // the reader may leave before it gets here
        ahead.push(promise)
      }
      const bytes = await ahead.shift()
      if (bytes === undefined) return
      const child = open(piece.cid, bytes)
      if (sizeOf(child) !== piece.bytes) {
        throw new IpfsNodeError('BAD_BLOCK', `${piece.cid.toString()} has not the size its parent promises`)
      }
      yield* read(child, Math.max(0, start - pieceStart), Math.min(end - pieceStart, piece.bytes), level + 1)
    }
  }
}

function open(cid: CID, bytes: Uint8Array): Opened {
  if (cid.code === raw.code) return { data: bytes, pieces: [] }
  const { node, unixfs } = decode(cid, bytes)
  if (unixfs.blockSizes.length !== node.Links.length) {
    throw new IpfsNodeError('BAD_BLOCK', `${cid.toString()} has not one size for each link`)
  }
  const pieces = node.Links.map((link, i) => ({ cid: link.Hash, bytes: Number(unixfs.blockSizes[i]) }))
  return { data: unixfs.data ?? new Uint8Array(), pieces }
}

function sizeOf(opened: Opened): number {
  return opened.pieces.reduce((sum, piece) => sum + piece.bytes, opened.data.byteLength)
}

function decode(cid: CID, bytes: Uint8Array): { node: dagPb.PBNode; unixfs: UnixFS } {
  if (cid.code !== dagPb.code) {
    throw new IpfsNodeError('UNKNOWN_CODEC', `codec 0x${cid.code.toString(16)} of ${cid.toString()} is not a file`)
  }
  try {
    const node = dagPb.decode(bytes)
    if (node.Data === undefined) throw new Error('no data in the node')
    return { node, unixfs: UnixFS.unmarshal(node.Data) }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new IpfsNodeError('BAD_BLOCK', `${cid.toString()} is not UnixFS: ${reason}`, { cause })
  }
}
