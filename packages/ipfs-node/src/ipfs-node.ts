import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { BlockFiles, type BlockFilesOptions } from './block-files.ts'
import { collectGarbage, type Collected } from './collect-garbage.ts'
import { DigestSet } from './digest-set.ts'
import { BlockNotFoundError, IpfsNodeError } from './errors.ts'
import { type Hold, Holds } from './holds.ts'
import { type BlockSource, fetchDag } from './fetch-dag.ts'
import { kindOf, type PinDatastore, PinIndex, type PinKind, type PinRecord } from './pin-index.ts'
import { walkDag } from './walk.ts'

/** Blocks a pin fetches or looks up at once. */
export const defaultPinConcurrency = 64

/** Longest name of a pin, in characters (Kubo's limit). */
export const maxPinNameLength = 255

/** What an embedded node is made of. */
export interface IpfsNodeInit extends BlockFilesOptions {
  /** Folder of the block files; created if missing. One process at a time. */
  blocksFolder: string
  /** Where pins are kept, opened and closed by the caller. */
  datastore: PinDatastore
}

/** How to pin. */
export interface PinOptions extends AbortOptions {
  /** Levels below the root to keep: -1 (default) = all, 0 = only the root (a direct pin). */
  depth?: number
  name?: string
  /** Without it everything must be here already. */
  fetch?: BlockSource
  /** Called with the number of blocks found or fetched so far, each time it grows. */
  onProgress?: (nodes: number) => void
  /** Blocks in work at once. Default 64. */
  concurrency?: number
}

/** Pin status of a CID: its own pin, or `indirect` when it lies below a recursive pin. */
export type PinStatus = PinKind | 'indirect' | 'unpinned'

/** Size of what is stored. */
export interface RepoStat {
  /** Bytes of all blocks. */
  readonly repoSize: number
  /** Bytes at which writing is refused; `undefined` = no limit. */
  readonly storageMax: number | undefined
  readonly numObjects: number
}

/**
 * Blocks and pins of an embedded IPFS node: no network, no daemon. Missing blocks come through a function handed in.
 *
 * @example
 * ```ts
 * const node = new IpfsNode({ blocksFolder, datastore })
 * await node.open()
 * await node.pin(cid, { fetch: bitswap.createSession() })
 * ```
 */
export class IpfsNode {
  /** The stored blocks: what a block exchange serves. */
  readonly blocks: BlockFiles
  readonly #pins: PinIndex
  readonly #holds: Holds
  readonly #storageMax: number | undefined
  #collecting = false
  /** Changes of pin records happen one after the other: each looks at the record before it writes. */
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor(init: IpfsNodeInit) {
    this.blocks = new BlockFiles(init.blocksFolder, init)
    this.#pins = new PinIndex(init.datastore)
    this.#holds = new Holds(init.nowMs ?? Date.now)
    this.#storageMax = init.storageMaxBytes
  }

  /** @throws IpfsNodeError `STORAGE_FAILED` when the folder cannot be used. */
  async open(): Promise<void> {
    await this.blocks.open()
  }

  /** Flushes and closes. Work in progress should have been aborted before. */
  async close(): Promise<void> {
    await this.#lastChange.catch(() => undefined)
    await this.blocks.close()
  }

  /**
   * Keeps a DAG: finds or fetches every block of it, flushes them to disk, then records the pin. When it returns the
   * pin survives kill -9 and, with a datastore that has `commit`, a power loss. Pinning a pinned root changes its name.
   *
   * @throws IpfsNodeError `ALREADY_PINNED_RECURSIVELY` for a direct pin of a recursive root, `BLOCK_NOT_FOUND` when a
   * block is missing and there is no `fetch`, and what `fetch`, the walk and the block store throw.
   */
  async pin(cid: CID, options: PinOptions = {}): Promise<void> {
    const depth = options.depth ?? -1
    if (!Number.isInteger(depth) || depth < -1) throw new RangeError('depth must be -1, 0 or a positive integer')
    if (options.name !== undefined && options.name.length > maxPinNameLength) {
      throw new RangeError(`name of a pin must not be longer than ${maxPinNameLength} characters`)
    }
    await this.#refuseWeaker(cid, depth, options)
    const hold = this.#holds.create()
    try {
      let nodes = 0
      await fetchDag(cid, {
        depth: depth < 0 ? Infinity : depth,
        concurrency: options.concurrency ?? defaultPinConcurrency,
        blocks: this.blocks,
        protect: (found) => {
          hold.protect(found)
        },
        fetch: options.fetch,
        signal: options.signal,
        onNode: () => {
          options.onProgress?.(++nodes)
        }
      })
      await this.blocks.flush()
      options.signal?.throwIfAborted()
      await this.#change(async () => {
        await this.#refuseWeaker(cid, depth, {})
        await this.#pins.set(options.name === undefined ? { cid, depth } : { cid, depth, name: options.name })
      })
      this.#holds.pinned(cid)
    } finally {
      hold.release()
    }
  }

  /**
   * Removes the pin of a root; its blocks stay until `gc()`.
   *
   * @throws IpfsNodeError `NOT_PINNED`, also for a CID that is pinned indirectly
   */
  async unpin(cid: CID, options: AbortOptions = {}): Promise<void> {
    await this.#change(async () => {
      options.signal?.throwIfAborted()
      if ((await this.#pins.get(cid)) === undefined) {
        throw new IpfsNodeError('NOT_PINNED', 'not pinned or pinned indirectly')
      }
      await this.#pins.delete(cid)
    })
  }

  /** The pin of this root, `undefined` when it has none. Cheap: one look-up. */
  async getPin(cid: CID, options: AbortOptions = {}): Promise<PinRecord | undefined> {
    return await this.#pins.get(cid, options)
  }

  /** Pins of these kinds, unordered, in pages of at most 1024. */
  listPins(
    kinds: readonly PinKind[] = ['recursive', 'direct'],
    options: AbortOptions = {}
  ): AsyncGenerator<readonly PinRecord[]> {
    return this.#pins.list(kinds, options)
  }

  /**
   * Pin status of any CID. Telling `indirect` from `unpinned` walks pinned DAGs until the CID is met: for a person's
   * question, not for a loop. Only blocks that are here are walked.
   */
  async pinStatus(cid: CID, options: AbortOptions = {}): Promise<PinStatus> {
    const own = await this.#pins.get(cid, options)
    if (own !== undefined) return kindOf(own.depth)
    const seen = new DigestSet()
    for await (const page of this.#pins.list(['recursive'], options)) {
      for (const pin of page) {
        if (await this.#covers(pin, cid, seen, options)) return 'indirect'
      }
    }
    return 'unpinned'
  }

  /**
   * Protects blocks from `gc()` that belong to no pin yet. Protect a block before it is stored:
   * `hold.protect(cid); await node.blocks.put(cid, bytes)`.
   */
  hold(): Hold {
    return this.#holds.create()
  }

  /** Ends holds that linger for this root: somebody asked to pin it and found it pinned. */
  releaseLingering(root: CID): void {
    this.#holds.pinned(root)
  }

  /**
   * Removes all blocks that no pin and no hold protects, and yields each as a v1 raw CID. Works while blocks are added
   * and pinned. Breaking off leaves the rest.
   *
   * @throws IpfsNodeError `GC_RUNNING` when one runs already; `PIN_INCOMPLETE`, before anything is removed, when a
   * pinned DAG cannot be followed because a block is missing or damaged
   */
  async *gc(options: AbortOptions = {}): AsyncGenerator<Collected> {
    if (this.#collecting) throw new IpfsNodeError('GC_RUNNING', 'a garbage collection is running already')
    this.#collecting = true
    this.#holds.collecting()
    try {
      yield* collectGarbage({ blocks: this.blocks, pins: this.#pins, holds: this.#holds, signal: options.signal })
    } finally {
      this.#collecting = false
      this.#holds.collected()
    }
  }

  /** Waits for the count of files after a crash. */
  async stat(): Promise<RepoStat> {
    const { sizeBytes, blocks } = await this.blocks.stat()
    return { repoSize: sizeBytes, storageMax: this.#storageMax, numObjects: blocks }
  }

  /** Whether a block lies in the DAG of a pin; `seen` is what former walks did not find it in. */
  async #covers(pin: PinRecord, cid: CID, seen: DigestSet, options: AbortOptions): Promise<boolean> {
    const met = new AbortController()
    const unlimited = pin.depth < 0
    try {
      await walkDag(pin.cid, {
        depth: unlimited ? Infinity : pin.depth,
        concurrency: 1,
        signal: options.signal === undefined ? met.signal : AbortSignal.any([options.signal, met.signal]),
        ...(unlimited ? { seen } : {}), // what a limited walk has seen may go deeper in another
        visit: async (at, leaf) => {
          if (equalMultihash(at, cid)) met.abort()
          return leaf || met.signal.aborted ? undefined : await this.#localOrNothing(at)
        }
      })
    } catch (error) {
      if (!met.signal.aborted) throw error
    }
    return met.signal.aborted
  }

  /** A pin with a missing block keeps what is here. */
  async #localOrNothing(cid: CID): Promise<Uint8Array | undefined> {
    try {
      return await this.blocks.get(cid)
    } catch (error) {
      if (error instanceof BlockNotFoundError) return undefined
      throw error
    }
  }

  /** A direct pin on a recursive root is refused, as Kubo does: it would give up content silently. */
  async #refuseWeaker(cid: CID, depth: number, options: AbortOptions): Promise<void> {
    const before = await this.#pins.get(cid, options)
    if (before !== undefined && kindOf(before.depth) === 'recursive' && kindOf(depth) === 'direct') {
      throw new IpfsNodeError('ALREADY_PINNED_RECURSIVELY', `pin: ${cid.toString()} already pinned recursively`)
    }
  }

  async #change(change: () => Promise<void>): Promise<void> {
    const work = this.#lastChange.catch(() => undefined).then(change)
    this.#lastChange = work
    await work
  }
}

function equalMultihash(a: CID, b: CID): boolean {
  return Buffer.compare(a.multihash.bytes, b.multihash.bytes) === 0
}
