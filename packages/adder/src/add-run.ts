import { ClusterError, type AddedOutput, type AddParams, type FileEntry } from '@cluster/api'
import type { BlockSink } from './send/block-sink.ts'
import { directoryNode, symlinkNode, type DagNode, type FileNode } from './dag/dag-node.ts'
import { checkLength, checkText, partsOf } from './tree/entry-path.ts'
import { FolderTree, joinPath } from './tree/folder-tree.ts'
import type { Plan } from './plan.ts'
import { untilAborted } from './until-aborted.ts'

/** A progress event comes each time so many more bytes were read. */
const PROGRESS_BYTES = 262_144

/** A top-level directory that is being filled; wrapped, the one unnamed directory around everything. */
interface Open {
  readonly name: string
  readonly tree: FolderTree
}

/**
 * Builds the DAGs of one add: files as they come, directories once nothing can be added to them any more.
 *
 * @see behaviours.md §6.3 to §6.6
 */
export class AddRun {
  readonly #plan: Plan
  readonly #params: AddParams
  readonly #sink: BlockSink
  readonly #maxEntries: number
  #entries = 0
  #open: Open | undefined

  constructor(plan: Plan, params: AddParams, sink: BlockSink, maxEntries: number) {
    this.#plan = plan
    this.#params = params
    this.#sink = sink
    this.#maxEntries = maxEntries
  }

  /** Adds all entries and gives the events in the specified order. */
  async *run(entries: AsyncIterable<FileEntry>): AsyncGenerator<AddedOutput, void, undefined> {
    for await (const entry of untilAborted(entries, this.#sink.signal)) yield* this.#add(entry)
    if (this.#entries === 0) throw new ClusterError('BAD_REQUEST', 'no files to add')
    yield* this.#close()
  }

  async *#add(entry: FileEntry): AsyncGenerator<AddedOutput, void, undefined> {
    this.#count(1)
    const parts = partsOf(entry.path)
    if (entry.type !== 'directory' && parts.length <= 1 && !this.#params.wrapWithDirectory) {
      // A file or link that is in no directory stands by itself.
      yield* this.#close()
      const node = yield* this.#store(entry, '')
      yield this.#event(parts[0] ?? '', node)
      await this.#sink.roots([node.cid])
      yield* this.#sink.takeEvents()
      return
    }
    const [top = ''] = parts
    const name = this.#params.wrapWithDirectory ? '' : top
    if (this.#open?.name !== name) yield* this.#close()
    const { tree } = (this.#open ??= { name, tree: new FolderTree() })
    const path = this.#params.wrapWithDirectory ? parts : parts.slice(1)
    const before = tree.size
    // Shards begin with it like those of the reference, so that the same folder gives the same shards.
    const isFirst = before === 0 && path.length > (entry.type === 'directory' ? 0 : 1)
    if (isFirst && this.#params.shard) await this.#sink.put(directoryNode([], this.#plan.format))
    if (entry.type === 'directory') {
      tree.mkdir(path)
    } else {
      if (path.length === 0) throw new ClusterError('BAD_REQUEST', 'a file without a name cannot be in a directory')
      tree.checkFile(path)
      const node = yield* this.#store(entry, path.join('/'))
      tree.putFile(path, node)
      yield this.#event(parts.join('/'), node)
    }
    // Directories by implication count as well.
    this.#count(Math.max(0, tree.size - before - 1))
  }

  async *#store(
    entry: Exclude<FileEntry, { type: 'directory' }>,
    progressName: string
  ): AsyncGenerator<AddedOutput, DagNode, undefined> {
    if (entry.type === 'symlink') {
      checkLength(entry.target, 'target of a symbolic link')
      checkText(entry.target, 'target of a symbolic link')
      const node = symlinkNode(entry.target, this.#plan.format)
      await this.#sink.put(node)
      return node
    }
    if (this.#params.noCopy && entry.source === undefined) {
      throw new ClusterError('BAD_REQUEST', "missing file path or URL, can't create filestore reference")
    }
    return yield* this.#storeFile(entry.content, progressName)
  }

  async *#storeFile(
    content: AsyncIterable<Uint8Array>,
    progressName: string
  ): AsyncGenerator<AddedOutput, DagNode, undefined> {
    const layout = this.#plan.layout()
    let read = 0
    let reported = -1
    let root: FileNode | undefined
    for await (const chunk of this.#plan.chunker(untilAborted(content, this.#sink.signal))) {
      read += chunk.data.length
      if (this.#params.progress && read - Math.max(0, reported) >= PROGRESS_BYTES) {
        reported = read
        yield progressEvent(progressName, read)
      }
      root = layout.leaf(chunk)
      for (const node of layout.push(root)) await this.#sink.put(node)
      await this.#sink.put(root)
      yield* this.#sink.takeEvents()
    }
    if (this.#params.progress && reported !== read) yield progressEvent(progressName, read)
    for (const node of layout.finish()) {
      root = node
      await this.#sink.put(node)
    }
    yield* this.#sink.takeEvents()
    if (root === undefined) throw new ClusterError('INTERNAL', 'a file without a root')
    return root
  }

  /** Builds the directories of what is open. */
  async *#close(): AsyncGenerator<AddedOutput, void, undefined> {
    if (this.#open === undefined) return
    const { name, tree } = this.#open
    this.#open = undefined
    const nodes = tree.nodes(this.#plan.format)
    let step = nodes.next()
    for (; step.done !== true; step = nodes.next()) {
      const { node, path } = step.value
      await this.#sink.put(node)
      yield* this.#sink.takeEvents()
      if (path !== undefined) yield this.#event(path === '' ? name : joinPath(name, path), node)
    }
    await this.#sink.roots([step.value.cid])
    yield* this.#sink.takeEvents()
  }

  #event(name: string, { cid, cumSize }: DagNode): AddedOutput {
    return { name, cid, bytes: 0n, size: BigInt(cumSize), allocations: this.#sink.allocations }
  }

  #count(more: number): void {
    this.#entries += more
    if (this.#entries > this.#maxEntries) {
      throw new ClusterError('LIMIT', `more than ${this.#maxEntries} files and directories in one add`)
    }
  }
}

function progressEvent(name: string, bytes: number): AddedOutput {
  return { name, cid: undefined, bytes: BigInt(bytes), size: 0n, allocations: undefined }
}
