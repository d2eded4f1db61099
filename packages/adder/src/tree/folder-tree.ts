import { ClusterError } from '@cluster/api'
import { directoryNode, type CidFormat, type DagLink, type DagNode } from '../dag/dag-node.ts'
import { EntryTable, type TableEntry } from './entry-table.ts'
import { hamtNodes } from './hamt.ts'
import { compareNames } from './name-order.ts'

/** Above this sum of the lengths of names and CIDs, a directory becomes a HAMT. */
const MAX_BASIC_BYTES = 262_144

/** A directory: sub-directories as such, everything else as position in the table. */
type Folder = Map<string, Folder | number>

/** A node of the finished tree; of the nodes of one directory only the root, which is the last, has a path. */
export interface TreeNode {
  readonly node: DagNode
  readonly path: string | undefined
}

/**
 * The directories of an add, held until all files are known.
 *
 * @see behaviours.md §6.3, §6.4.3
 */
export class FolderTree {
  readonly #root: Folder = new Map()
  readonly #table = new EntryTable()

  #size = 0

  /** How many entries there are: directories without the top one, files, links. */
  get size(): number {
    return this.#size
  }

  /** Makes sure that the directory of this path exists, and those above it. */
  mkdir(path: readonly string[]): void {
    this.#open(path)
  }

  /** @throws {ClusterError} `BAD_REQUEST` when there is no room for a file at this path */
  checkFile(path: readonly string[]): void {
    const name = path.at(-1) ?? ''
    if (this.#open(path.slice(0, -1)).get(name) instanceof Map) {
      throw new ClusterError('BAD_REQUEST', 'directory already has entry by that name')
    }
  }

  /** Enters a finished file or link; one that was there is replaced. */
  putFile(path: readonly string[], entry: TableEntry): void {
    this.checkFile(path)
    const folder = this.#open(path.slice(0, -1))
    const name = path.at(-1) ?? ''
    if (!folder.has(name)) this.#size++
    folder.set(name, this.#table.add(entry))
  }

  /** All nodes, depth first, children by name, each after its children, the top directory last. */
  *nodes(format: CidFormat): Generator<TreeNode, DagNode, undefined> {
    // Paths may be deep: an explicit stack instead of recursion.
    const stack = [this.#visit('', '', this.#root)]
    for (;;) {
      const visit = stack.at(-1)
      if (visit === undefined) throw new ClusterError('INTERNAL', 'the tree has no root')
      const step = visit.names.next()
      if (step.done !== true) {
        const child = visit.folder.get(step.value)
        if (child === undefined) continue
        if (child instanceof Map) stack.push(this.#visit(joinPath(visit.path, step.value), step.value, child))
        else visit.links.push({ ...this.#table.get(child), name: step.value })
        continue
      }
      const nodes = nodesOf(visit.links, format)
      let next = nodes.next()
      for (; next.done !== true; next = nodes.next()) yield { node: next.value, path: undefined }
      const root = next.value
      yield { node: root, path: visit.path }
      stack.pop()
      const parent = stack.at(-1)
      if (parent === undefined) return root
      parent.links.push({ name: visit.name, cid: root.cid, cumSize: root.cumSize })
    }
  }

  #visit(path: string, name: string, folder: Folder) {
    const names = [...folder.keys()].sort(compareNames).values()
    return { path, name, folder, names, links: [] as DagLink[] }
  }

  #open(path: readonly string[]): Folder {
    let folder = this.#root
    for (const name of path) {
      let next = folder.get(name)
      if (next === undefined) {
        next = new Map()
        folder.set(name, next)
        this.#size++
      }
      if (typeof next === 'number') {
        throw new ClusterError('BAD_REQUEST', `${path.join('/')}: ${name} is a file, not a directory`)
      }
      folder = next
    }
    return folder
  }
}

/** Joins a name to the path of its directory; the top directory has the empty path. */
export function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}/${name}`
}

/** The nodes of one directory: one, or several when it needs a HAMT. */
function* nodesOf(links: readonly DagLink[], format: CidFormat): Generator<DagNode, DagNode, undefined> {
  const bytes = links.reduce((sum, { name, cid }) => sum + Buffer.byteLength(name) + cid.bytes.length, 0)
  return bytes <= MAX_BASIC_BYTES ? directoryNode(links, format) : yield* hamtNodes(links, format)
}
