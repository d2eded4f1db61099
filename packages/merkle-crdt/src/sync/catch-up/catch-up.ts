import type { AbortOptions } from '@libp2p/interface'
import { CrdtError, messageOf } from '../../errors.ts'
import type { DagExchange, DagSession } from '../../ports.ts'
import { readMany } from '../../store/draft.ts'
import { deadline } from '../deadline.ts'
import { Backfill } from './backfill.ts'
import { BlockIndex } from './block-index.ts'
import type { CatchUpChannel } from './channel.ts'
import { idOfDigest } from './digest.ts'
import { DEFAULT_CATCH_UP_LIMITS, type CatchUpLimits } from './limits.ts'
import { MAX_ASKED_BLOCKS, MAX_HELLO_HEADS, type Hello, type IndexEntry } from './message.ts'
import { Outstanding } from './outstanding.ts'
import { Penalties } from './penalties.ts'
import type { CatchUpOptions, CatchUpParts, CatchUpStats } from './options.ts'
import { Prefetch } from './prefetch.ts'
import { CatchUpRun } from './run.ts'
import { CatchUpServer } from './server.ts'
import { ServerLink } from './server-link.ts'
import { SnapshotIntake } from './snapshot-intake.ts'
import { SnapshotSource } from './snapshot-source.ts'

/**
 * Catching up with peers of this implementation: blocks come in bulk ahead of the walk, and a store that is empty takes
 * in a snapshot. It never decides anything about the content: the walk does, from heads that were announced by those
 * who are trusted.
 *
 * @see spec/wire-crdt.md §7.3 P10, P12
 */
export class CatchUp {
  readonly #parts: CatchUpParts
  readonly #options: CatchUpOptions
  readonly #limits: CatchUpLimits
  readonly #stop = new AbortController()
  readonly #prefetch: Prefetch
  readonly #index: BlockIndex
  readonly #server: CatchUpServer
  readonly #intake: SnapshotIntake
  readonly #backfill: Backfill
  readonly #penalties: Penalties
  readonly #background: Promise<void>[] = []
  /** Blocks that the exchange was asked for, and has not brought yet. */
  readonly #outstanding = new Outstanding()
  #running: Promise<void> | undefined
  #notBeforeMs = -Infinity
  #runs = 0
  #failures = 0
  #lastError: string | undefined

  constructor(parts: CatchUpParts, options: CatchUpOptions) {
    this.#parts = parts
    this.#options = options
    this.#limits = { ...DEFAULT_CATCH_UP_LIMITS, ...options.limits }
    const { storage, layout, clock, log } = parts
    const { signal } = this.#stop
    this.#prefetch = new Prefetch(this.#limits)
    this.#index = new BlockIndex(storage, layout)
    this.#penalties = new Penalties(clock, this.#limits.penaltyMs, this.#limits.cooldownMs)
    const common = { ...parts, signal, limits: this.#limits }
    this.#intake = new SnapshotIntake({
      ...common,
      isWanted: options.snapshots ?? true,
      peers: () => this.#candidates(),
      hello: () => this.#hello(),
      failed: (peer, error) => {
        this.#failed(peer, error)
      },
      tookIn: () => {
        this.#backfill.begin()
        this.#fillIn()
      }
    })
    this.#backfill = new Backfill({
      ...common,
      isWanted: options.archive ?? true,
      link: () => this.#openOne(),
      failed: (link, error) => {
        this.#failed(link.peer.id, error)
      }
    })
    this.#server = new CatchUpServer({
      storage,
      layout,
      clock,
      signal,
      log,
      index: this.#index,
      snapshots: new SnapshotSource(storage, layout, (task) => parts.inTurn(task), this.#limits.snapshotChunkBytes),
      hello: () => this.#hello()
    })
  }

  /** What the store fetches blocks by: from what came ahead, else by the exchange. */
  exchange(): DagExchange {
    const { exchange } = this.#parts
    return {
      put: (blocks, options) => exchange.put(blocks, options),
      createSession: () => this.#session(exchange.createSession())
    }
  }

  /** Reads what a former run left. Before anything else is: a snapshot that was begun holds everything up. */
  async load(options: AbortOptions): Promise<void> {
    const signal = options.signal ?? this.#stop.signal
    await this.#index.begin(signal)
    await this.#intake.load(signal)
    await this.#backfill.load(signal)
  }

  /** Goes on with a snapshot that was begun, before anything else; prepares the index, and fills in old blocks. */
  start(): void {
    const { clock } = this.#parts
    this.#background.push(
      this.#guard('the index of blocks was not built', this.#index.prepare(clock, this.#stop.signal)),
      this.#guard('the snapshot was not taken in', this.#intake.resume())
    )
    this.#fillIn()
  }

  #fillIn(): void {
    this.#background.push(this.#guard('old blocks are not filled in', this.#backfill.run()))
  }

  /** Answers a peer that opened a conversation. */
  serve(channel: CatchUpChannel, peer: string): Promise<void> {
    return this.#server.serve(channel, peer)
  }

  /** Whether a snapshot is being taken in, so that no turn may be made. */
  get isTakingIn(): boolean {
    return this.#intake.isTakingIn
  }

  /** Resolves when the content may be read: not while a snapshot is being taken in. */
  readable(options: AbortOptions): Promise<void> {
    return this.#intake.readable(options.signal)
  }

  get stats(): CatchUpStats {
    return {
      isRunning: this.#running !== undefined,
      runs: this.#runs,
      failures: this.#failures,
      prefetched: this.#prefetch.taken,
      prefetchedBytesWaiting: this.#prefetch.bytes,
      isIndexComplete: this.#index.isComplete,
      snapshot: this.#intake.stats,
      backfill: this.#backfill.stats,
      isArchive: this.#isArchive,
      served: { ...this.#server.counters },
      lastError: this.#lastError
    }
  }

  /** Ends all conversations and waits for what they are doing. */
  async close(): Promise<void> {
    this.#stop.abort(new CrdtError('ERR_CRDT_CLOSED', 'closed'))
    this.#prefetch.clear()
    await Promise.all([this.#running, this.#server.closed(), this.#intake.closed(), ...this.#background])
  }

  get #isArchive(): boolean {
    return this.#backfill.isDone && !this.#intake.isTakingIn
  }

  #session(inner: DagSession): DagSession {
    let fetched = 0
    return {
      get: async (cid, options) => {
        const { digest } = cid.multihash
        const here = this.#prefetch.size === 0 ? undefined : this.#prefetch.takeHere(digest)
        if (here !== undefined) return here
        if (this.#intake.isPossible) await this.#offerSnapshot(options?.signal)
        const ahead = this.#running === undefined ? undefined : await this.#takeAhead(digest, options?.signal)
        if (ahead !== undefined) return ahead
        if (!this.#mayRun) return inner.get(cid, options)
        if (!(await this.#parts.blocks.has(cid, options))) fetched += 1
        const asked = this.#outstanding.begin(digest)
        if (fetched >= this.#limits.minBlocks) this.#begin()
        return asked.first((signal) => inner.get(cid, { ...options, signal }), options?.signal)
      },
      close: () => {
        inner.close()
      }
    }
  }

  /** Not for ever: a slow server must not be worse than none. */
  async #takeAhead(digest: Uint8Array, signal = this.#stop.signal): Promise<Uint8Array | undefined> {
    if (!this.#prefetch.expects(digest)) return undefined
    const { clock } = this.#parts
    const timer = deadline(clock, signal, this.#limits.waitMs, 'a block that is on its way')
    try {
      return await this.#prefetch.take(digest, timer.signal)
    } catch (error) {
      if (signal.aborted) throw error
      return undefined
    } finally {
      timer.clear()
    }
  }

  get #mayRun(): boolean {
    if (this.#stop.signal.aborted) return false
    return this.#running !== undefined || (this.#options.peers().length > 0 && !this.#isCoolingDown)
  }

  get #isCoolingDown(): boolean {
    return this.#parts.clock.nowMs() < this.#notBeforeMs
  }

  #coolDown(): void {
    this.#notBeforeMs = this.#parts.clock.nowMs() + this.#limits.cooldownMs
  }

  #candidates(): ReturnType<CatchUpOptions['peers']> {
    return this.#options.peers().filter(({ id }) => !this.#penalties.has(id))
  }

  #begin(): void {
    if (this.#running !== undefined || this.#isCoolingDown || this.#candidates().length === 0) return
    this.#running = this.#run()
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#lastError = messageOf(error)
      })
      .finally(() => {
        this.#running = undefined
      })
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts
    const { signal } = this.#stop
    this.#coolDown() // unless something comes of it
    const links = await this.#open(this.#limits.maxServers)
    if (!links.some((link) => link.has('index'))) {
      for (const link of links) link.close()
      return
    }
    this.#runs += 1
    const run = new CatchUpRun(
      {
        prefetch: this.#prefetch,
        limits: this.#limits,
        clock,
        log,
        signal,
        areKnown: (entries) => this.#areKnown(entries),
        expected: () => {
          this.#expected()
        },
        failed: (link, error) => {
          this.#failed(link.peer.id, error)
        }
      },
      links
    )
    const below = this.#outstanding.digests().slice(-MAX_ASKED_BLOCKS)
    const { taken } = await run.run(below)
    if (taken >= this.#limits.minBlocks) this.#notBeforeMs = -Infinity
    else this.#coolDown()
    log.info(`caught up: ${taken} blocks from ${links.length} peers`)
  }

  async #areKnown(entries: readonly IndexEntry[]): Promise<boolean[]> {
    const { storage, layout } = this.#parts
    const keys = entries.map(({ digest }) => layout.processed(idOfDigest(digest)))
    const found = await readMany(storage, keys, { signal: this.#stop.signal })
    return found.map((mark) => mark !== undefined)
  }

  /** What the exchange was asked for may come from here sooner. */
  #expected(): void {
    for (const digest of this.#outstanding.digests()) {
      if (!this.#prefetch.expects(digest)) continue
      this.#takeAhead(digest).then(
        (bytes) => {
          if (bytes !== undefined) this.#outstanding.arrived(digest, bytes)
        },
        () => undefined // the exchange is asked anyway
      )
    }
  }

  async #open(count: number): Promise<ServerLink[]> {
    const { clock } = this.#parts
    const hello = this.#hello()
    const parts = { clock, signal: this.#stop.signal, timeoutMs: this.#limits.messageTimeoutMs }
    const opened = await Promise.all(
      this.#candidates()
        .slice(0, count)
        .map((peer) =>
          ServerLink.open(peer, hello, parts).catch((error: unknown) => {
            this.#failed(peer.id, error)
            return undefined
          })
        )
    )
    return opened.filter((link) => link !== undefined)
  }

  async #openOne(): Promise<ServerLink | undefined> {
    return (await this.#open(1))[0]
  }

  async #offerSnapshot(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#intake.begin(signal)
    } catch (error) {
      signal?.throwIfAborted()
      this.#lastError = messageOf(error)
    }
  }

  #failed(peer: string, error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.#failures += 1
    this.#lastError = `${peer}: ${messageOf(error)}`
    this.#penalties.add(peer, error)
  }

  #hello(): Hello {
    const heads = [...this.#parts.heads()].sort((a, b) => (a.height < b.height ? 1 : -1))
    const features = ['blocks']
    if (this.#index.isComplete) features.push('index')
    if (!this.#intake.isTakingIn && this.#parts.isSettled()) features.push('snapshot')
    if (this.#isArchive) features.push('archive')
    return {
      topic: this.#options.topic,
      heads: heads.slice(0, MAX_HELLO_HEADS).map(({ cid, height }) => ({ digest: cid.multihash.digest, height })),
      // not counted: there is at least one block of each height
      processed: heads[0]?.height ?? 0n,
      features
    }
  }

  async #guard(what: string, work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#lastError = messageOf(error)
      this.#parts.log.error(`${what}: ${messageOf(error)}`)
    }
  }
}
