import type { Chunk } from '../chunk/chunk.ts'
import type { FileNode } from './dag-node.ts'

/** How the leaves of one file become a DAG. It is fed leaf by leaf, and holds no leaf's bytes. */
export interface FileLayout {
  /** Makes the leaf of some bytes of the file. */
  leaf(chunk: Chunk): FileNode
  /** Takes the next leaf; gives the inner nodes that its arrival completes, which come before it. */
  push(leaf: FileNode): Iterable<FileNode>
  /** The nodes that are still open, the root last; nothing when the single leaf is the root. */
  finish(): Iterable<FileNode>
}

/** Most links of a node. */
export const MAX_LINKS = 174
/** What a node keeps of its children: not their bytes. */
export const NO_BYTES: Uint8Array = new Uint8Array()
/** What an empty file consists of. */
export const EMPTY_CHUNK: Chunk = { data: NO_BYTES, hasRoom: false }
