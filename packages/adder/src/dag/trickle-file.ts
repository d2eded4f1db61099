import type { Chunk } from '../chunk/chunk.ts'
import { fileLeaf, innerFileNode, rawLeaf, type CidFormat, type FileNode } from './dag-node.ts'
import { MAX_LINKS, NO_BYTES, type FileLayout } from './file-layout.ts'

/** Subtrees of one depth below a node. */
const SUBTREES = 4

/** A node that is being filled: leaves first, then four subtrees of depth 1, four of depth 2, and so on. */
interface Open {
  readonly children: FileNode[]
  /** Below it are subtrees of lesser depth. */
  readonly depth: number
  /** Subtrees that were begun. */
  begun: number
}

/**
 * The trickle layout, for content that is read from the start on: the first bytes are near the root. The root is an
 * inner node even above one leaf or none.
 *
 * @see behaviours.md §6.4.2, §6.6
 */
export class TrickleFile implements FileLayout {
  readonly #format: CidFormat
  readonly #root: Open = { children: [], depth: Infinity, begun: 0 }
  /** From below the root down to the node that takes the next leaf. */
  readonly #path: Open[] = []

  constructor(format: CidFormat) {
    this.#format = format
  }

  leaf(chunk: Chunk): FileNode {
    return this.#format.rawLeaves ? rawLeaf(chunk, this.#format) : fileLeaf(chunk, 'raw', this.#format)
  }

  *push(leaf: FileNode): Generator<FileNode, void, undefined> {
    while (this.#isFull(this.#last)) yield this.#close()
    const last = this.#last
    if (last.begun === 0 && last.children.length < MAX_LINKS) {
      last.children.push({ ...leaf, bytes: NO_BYTES })
      return
    }
    this.#path.push({ children: [{ ...leaf, bytes: NO_BYTES }], depth: nextDepth(last), begun: 0 })
    last.begun++
  }

  *finish(): Generator<FileNode, void, undefined> {
    while (this.#path.length > 0) yield this.#close()
    yield innerFileNode(this.#root.children, this.#format)
  }

  get #last(): Open {
    return this.#path.at(-1) ?? this.#root
  }

  #isFull(node: Open): boolean {
    return (node.begun > 0 || node.children.length === MAX_LINKS) && nextDepth(node) >= node.depth
  }

  #close(): FileNode {
    const { children } = this.#path.pop() ?? this.#root
    const node = innerFileNode(children, this.#format)
    this.#last.children.push({ ...node, bytes: NO_BYTES })
    return node
  }
}

function nextDepth({ begun }: Open): number {
  return Math.floor(begun / SUBTREES) + 1
}
