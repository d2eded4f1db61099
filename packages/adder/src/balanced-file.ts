import { innerFileNode, type CidVersion, type FileNode } from './dag-node.ts'

/** Most links of a node. */
const MAX_LINKS = 174

/**
 * The balanced layout, fed leaf by leaf. It holds at most {@link MAX_LINKS} links per level, however long the file is,
 * and hands out each inner node right after its last descendant.
 *
 * @see behaviours.md §6.4.2, §6.6
 */
export class BalancedFile {
  readonly #version: CidVersion
  readonly #levels: FileNode[][] = [[]]

  constructor(version: CidVersion) {
    this.#version = version
  }

  /** Takes the next leaf; gives the inner nodes that its arrival completes, which come before it. */
  *push(leaf: FileNode): Generator<FileNode, void, undefined> {
    for (let level = 0; this.#at(level).length === MAX_LINKS; level++) yield this.#close(level)
    // A full level was emptied into the one above it; only the link counts from here on.
    this.#at(0).push({ ...leaf, bytes: NO_BYTES })
  }

  /** The nodes that are still open, the root last; nothing when the single leaf is the root. */
  *finish(): Generator<FileNode, void, undefined> {
    for (let level = 0; level < this.#levels.length; level++) {
      const isRoot = level === this.#levels.length - 1 && this.#at(level).length === 1
      if (!isRoot) yield this.#close(level)
    }
  }

  #close(level: number): FileNode {
    const node = innerFileNode(this.#at(level), this.#version)
    this.#levels[level] = []
    this.#at(level + 1).push({ ...node, bytes: NO_BYTES })
    return node
  }

  #at(level: number): FileNode[] {
    return (this.#levels[level] ??= [])
  }
}

const NO_BYTES = new Uint8Array()
