import type { Chunk } from '../chunk/chunk.ts'
import { fileLeaf, innerFileNode, rawLeaf, type CidFormat, type FileNode } from './dag-node.ts'
import { EMPTY_CHUNK, MAX_LINKS, NO_BYTES, type FileLayout } from './file-layout.ts'

/**
 * The balanced layout. It holds at most {@link MAX_LINKS} links per level, however long the file is, and hands out each
 * inner node right after its last descendant.
 *
 * @see behaviours.md §6.4.2, §6.6
 */
export class BalancedFile implements FileLayout {
  readonly #format: CidFormat
  readonly #levels: FileNode[][] = [[]]
  #isEmpty = true

  constructor(format: CidFormat) {
    this.#format = format
  }

  leaf(chunk: Chunk): FileNode {
    return this.#format.rawLeaves ? rawLeaf(chunk, this.#format) : fileLeaf(chunk, 'file', this.#format)
  }

  *push(leaf: FileNode): Generator<FileNode, void, undefined> {
    this.#isEmpty = false
    for (let level = 0; this.#at(level).length === MAX_LINKS; level++) yield this.#close(level)
    // A full level was emptied into the one above it; only the link counts from here on.
    this.#at(0).push({ ...leaf, bytes: NO_BYTES })
  }

  *finish(): Generator<FileNode, void, undefined> {
    if (this.#isEmpty) yield this.leaf(EMPTY_CHUNK)
    else {
      for (let level = 0; level < this.#levels.length; level++) {
        const isRoot = level === this.#levels.length - 1 && this.#at(level).length === 1
        if (!isRoot) yield this.#close(level)
      }
    }
  }

  #close(level: number): FileNode {
    const node = innerFileNode(this.#at(level), this.#format)
    this.#levels[level] = []
    this.#at(level + 1).push({ ...node, bytes: NO_BYTES })
    return node
  }

  #at(level: number): FileNode[] {
    return (this.#levels[level] ??= [])
  }
}
