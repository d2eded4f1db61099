import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlockFile, BlockFolder } from './block-folder.ts'
import { isMissing, replaceFile } from './durable-file.ts'

const stateFile = 'repo.json'

/** How often, at most, a flush moves the point that a restart after a crash starts checking from. */
const checkpointEveryMs = 10_000

/** How far the clocks of this machine and of the file system may be apart. */
const clockSlackMs = 5_000

interface SavedState {
  readonly clean: boolean
  /** Files changed before this time were flushed. */
  readonly durableMs: number
  readonly sizeBytes: number
  readonly blocks: number
}

const unknownState: SavedState = { clean: false, durableMs: 0, sizeBytes: 0, blocks: 0 }

/**
 * Size and number of the stored blocks, kept while they change, and what a crash leaves in doubt.
 *
 * Size and number are saved at a clean close. After a crash the files are counted again in the background, folder by
 * folder, while the node works; those written since the last checkpoint are checked and removed if damaged.
 */
export class RepoSize {
  readonly #folder: BlockFolder
  readonly #check: (file: BlockFile) => Promise<boolean>
  readonly #nowMs: () => number
  #sizeBytes = 0
  #blocks = 0
  #durableMs = 0
  #suspectBeforeMs = 0
  #counted: Promise<void> = Promise.resolve()
  #stop = new AbortController()
  /** Folders still to count: a change there is met by the count. */
  #uncounted = new Set<string>()
  #current: { shard: string; done: Promise<unknown> } | undefined
  readonly #changes = new Map<string, Set<Promise<unknown>>>()

  /** `check` says whether a block file has the content that its name promises. */
  constructor(folder: BlockFolder, check: (file: BlockFile) => Promise<boolean>, nowMs: () => number) {
    this.#folder = folder
    this.#check = check
    this.#nowMs = nowMs
  }

  /** Reads what the last close saved, marks the folder as in use and starts the count if the last end was unclean. */
  async open(): Promise<void> {
    const path = join(this.#folder.path, stateFile)
    const shards = await this.#folder.shards()
    const saved = (await readState(path)) ?? { ...unknownState, clean: shards.length === 0 }
    await this.#save({ ...unknownState, durableMs: saved.durableMs })
    this.#stop = new AbortController()
    this.#durableMs = saved.durableMs
    this.#sizeBytes = saved.clean ? saved.sizeBytes : 0
    this.#blocks = saved.clean ? saved.blocks : 0
    if (saved.clean) return
    this.#suspectBeforeMs = (await stat(path)).mtimeMs
    this.#uncounted = new Set(shards)
    this.#counted = this.#count(shards)
    this.#counted.catch(() => undefined) // rejects every current() instead
  }

  /** Ends the count and saves. Everything written must be flushed. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#counted.catch(() => undefined)
    const clean = this.#uncounted.size === 0
    await this.#save({ clean, durableMs: this.#durableMs, sizeBytes: this.#sizeBytes, blocks: this.#blocks })
  }

  /** Size in bytes and number of blocks; waits for the count after a crash. */
  async current(): Promise<{ sizeBytes: number; blocks: number }> {
    await this.#counted
    return { sizeBytes: this.#sizeBytes, blocks: this.#blocks }
  }

  /** Size in bytes as far as it is known now. */
  get knownBytes(): number {
    return this.#sizeBytes
  }

  /** Whether a crash may have damaged a file last changed at this time. */
  isSuspect(changedMs: number): boolean {
    return changedMs >= this.#durableMs - clockSlackMs && changedMs < this.#suspectBeforeMs
  }

  /** Whether anything is in doubt. */
  get hasSuspects(): boolean {
    return this.#suspectBeforeMs > 0
  }

  /** Runs a change of files of one folder; the count of that folder waits for it, and it for the count. */
  async during(shard: string, change: () => Promise<void>): Promise<void> {
    while (this.#current?.shard === shard) await this.#current.done
    const work = change()
    const running = this.#changes.get(shard) ?? new Set()
    this.#changes.set(shard, running.add(work))
    try {
      await work
    } finally {
      running.delete(work)
      if (running.size === 0) this.#changes.delete(shard)
    }
  }

  /** A block file was written (`1`) or removed (`-1`), inside `during()`. */
  changed(shard: string, sign: 1 | -1, sizeBytes: number): void {
    if (this.#uncounted.has(shard)) return
    this.#sizeBytes += sign * sizeBytes
    this.#blocks += sign
  }

  /** All that was written before `startedMs` is flushed. */
  async flushed(startedMs: number): Promise<void> {
    if (this.hasSuspects || startedMs - this.#durableMs < checkpointEveryMs) return
    this.#durableMs = startedMs
    await this.#save({ ...unknownState, durableMs: startedMs })
  }

  async #count(shards: readonly string[]): Promise<void> {
    const startedMs = this.#nowMs()
    for (const shard of shards) {
      if (this.#stop.signal.aborted) return
      const done = Promise.withResolvers<undefined>()
      this.#current = { shard, done: done.promise }
      try {
        await Promise.allSettled([...(this.#changes.get(shard) ?? [])])
        await this.#countShard(shard)
        this.#uncounted.delete(shard)
      } finally {
        this.#current = undefined
        done.resolve(undefined)
      }
    }
    this.#suspectBeforeMs = 0
    this.#durableMs = startedMs
  }

  async #countShard(shard: string): Promise<void> {
    let sizeBytes = 0
    let blocks = 0
    for await (const file of this.#folder.files(shard, removeLeftover)) {
      const found = await this.#folder.stat(file.key)
      if (found === undefined) continue
      if (this.isSuspect(found.changedMs) && !(await this.#check(file))) {
        await rm(this.#folder.fileOf(file.key), { force: true })
        continue
      }
      sizeBytes += found.sizeBytes
      blocks++
    }
    this.#sizeBytes += sizeBytes
    this.#blocks += blocks
  }

  async #save(state: SavedState): Promise<void> {
    await replaceFile(join(this.#folder.path, stateFile), JSON.stringify(state))
  }
}

/** What a crash in the middle of a write left: steno's `.<name>.tmp`. Other files are not ours to remove. */
async function removeLeftover(path: string): Promise<void> {
  if (path.endsWith('.data.tmp')) await rm(path, { force: true })
}

async function readState(path: string): Promise<SavedState | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return unknownState
    const { clean, durableMs, sizeBytes, blocks } = value as Partial<Record<keyof SavedState, unknown>>
    if (typeof durableMs !== 'number' || typeof sizeBytes !== 'number' || typeof blocks !== 'number')
      return unknownState
    return { clean: clean === true, durableMs, sizeBytes, blocks }
  } catch {
    return unknownState // not JSON: count again
  }
}
