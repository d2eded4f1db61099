import { CrdtError, messageOf } from '../../errors.ts'
import { deadline, wait } from '../deadline.ts'
import { IntakeRecords, type IntakeState } from './intake-state.ts'
import type { CatchUpLimits } from './limits.ts'
import type { Hello } from './message.ts'
import type { CatchUpParts, IntakeStats } from './options.ts'
import { ServerLink, type CatchUpPeer } from './server-link.ts'
import { SnapshotSteps } from './snapshot-steps.ts'

/** Between two looks whether the peer of a broken-off snapshot is back. */
const LOOK_AGAIN_MS = 500
const MEET_AGAIN_MS = 50
/** After the datastore failed. */
const RETRY_MS = 5000
/** A chunk has 4 MiB, and the other side gathers it first. */
const CHUNK_TIMEOUT_MS = 60_000

/** What an intake works with. */
export interface SnapshotIntakeParts extends CatchUpParts {
  readonly signal: AbortSignal
  readonly limits: CatchUpLimits
  /** Whether snapshots are taken at all. */
  readonly isWanted: boolean
  /** Peers to ask, best first. */
  peers(): readonly CatchUpPeer[]
  hello(): Hello
  failed(peer: string, error: unknown): void
  /** A snapshot was taken in: old blocks are missing. */
  tookIn(): void
}

/**
 * Takes in the snapshot of a trusted peer while the store is empty. The store makes no turn meanwhile: local changes
 * wait, reads wait. What was taken in is recorded, so that a crash repeats one chunk at most. If anything is wrong, the
 * store is cleaned, and the DAG is walked as if there were no snapshots.
 *
 * @see spec/wire-crdt.md §7.3 P12
 */
export class SnapshotIntake {
  readonly #parts: SnapshotIntakeParts
  readonly #records: IntakeRecords
  #state: IntakeState | undefined
  /** Whether the store may still begin with a snapshot. */
  isPossible = false
  #running: Promise<void> | undefined
  #meeting: Promise<void> | undefined
  #readable: PromiseWithResolvers<undefined> | undefined
  #taken = 0
  #refused = 0
  #keys = 0
  #chunks = 0

  constructor(parts: SnapshotIntakeParts) {
    this.#parts = parts
    this.#records = new IntakeRecords(parts.storage, parts.layout)
    const { signal } = parts
    signal.addEventListener('abort', () => this.#readable?.reject(signal.reason), { once: true })
  }

  get isTakingIn(): boolean {
    return this.#state !== undefined
  }

  get stats(): IntakeStats {
    return {
      isTakingIn: this.isTakingIn,
      taken: this.#taken,
      refused: this.#refused,
      keys: this.#keys,
      chunks: this.#chunks
    }
  }

  /** Reads what a former run left. */
  async load(signal: AbortSignal): Promise<void> {
    const state = await this.#records.load(signal)
    const hasHeads = await this.#records.hasHeads(signal)
    if (state !== undefined && this.#parts.isWanted && !hasHeads) {
      this.#setState(state)
      return
    }
    await this.#records.end(state, signal)
    if (hasHeads || !this.#parts.isWanted) return
    const { storage, layout } = this.#parts
    for await (const page of storage.scan({ ...layout.allProcessed(), limit: 1 }, { signal })) {
      if (page.length > 0) return
    }
    this.isPossible = true
  }

  /** Goes on with what a former run began. */
  async resume(): Promise<void> {
    if (this.#state !== undefined) await this.#run()
  }

  /** Takes in a snapshot, if the store is empty and a trusted peer offers one. Resolves when that is decided and done. */
  async begin(signal: AbortSignal | undefined): Promise<void> {
    if (this.#running === undefined && this.isPossible) {
      this.#meeting ??= this.#meet()
      await wait(this.#meeting, signal)
    }
    if (this.#running === undefined) {
      if (this.#parts.heads().length > 0) this.isPossible = false
      if (!this.isPossible || !this.#hasTrusted) return
      this.#run().catch(() => undefined) // it is told below
    }
    await wait(this.#running ?? Promise.resolve(), signal)
  }

  get #hasTrusted(): boolean {
    return this.#parts.peers().some(({ isTrusted }) => isTrusted)
  }

  /** An announcement may come sooner than word of what its sender speaks. Once, while the store is empty. */
  async #meet(): Promise<void> {
    const { clock, limits } = this.#parts
    const untilMs = clock.nowMs() + limits.meetMs
    while (!this.#hasTrusted && clock.nowMs() < untilMs) await this.#pause(MEET_AGAIN_MS)
  }

  /** @throws CrdtError `ERR_CRDT_CLOSED` when the store is closed meanwhile */
  async readable(signal: AbortSignal | undefined): Promise<void> {
    if (this.#readable !== undefined) await wait(this.#readable.promise, signal)
  }

  async closed(): Promise<void> {
    await this.#running?.catch(() => undefined)
  }

  #run(): Promise<void> {
    this.#running ??= this.#decide().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #decide(): Promise<void> {
    const link = this.#state === undefined ? await this.#offer() : undefined
    this.isPossible = false
    if (link === undefined && this.#state === undefined) return
    try {
      await this.#parts.rewrite(() => this.#untilDone(link))
    } finally {
      link?.close()
    }
  }

  /**
   * Tries again when the datastore failed, without a turn of the store in between: it would be made over half a content.
   *
   * @returns by how many keys the store grew
   */
  async #untilDone(link: ServerLink | undefined): Promise<number> {
    const { log, signal } = this.#parts
    let open = link
    for (let isAgain = false; ; isAgain = true) {
      try {
        if (isAgain && (await this.#wasTakenIn())) return this.#done()
        return await this.#takeIn(open)
      } catch (error) {
        signal.throwIfAborted()
        log.error(`a snapshot cannot be taken in, trying again: ${messageOf(error)}`)
        open = undefined
        await this.#pause(RETRY_MS)
      }
    }
  }

  /** A write that failed may have come to the disk all the same. */
  async #wasTakenIn(): Promise<boolean> {
    const before = this.#state
    this.#setState(await this.#records.load(this.#parts.signal))
    return this.#state === undefined && before?.phase === 'newer'
  }

  /** @returns by how many keys the store grew */
  #done(): number {
    const keys = this.#keys
    this.#setState(undefined)
    this.#taken += 1
    this.#parts.tookIn()
    this.#parts.log.info(`took in a snapshot of ${keys} keys`)
    return keys
  }

  async #pause(ms: number): Promise<void> {
    const { clock, signal } = this.#parts
    const timer = deadline(clock, signal, ms, 'a pause')
    await wait(new Promise<never>(() => undefined), timer.signal).catch(() => undefined)
    timer.clear()
    signal.throwIfAborted()
  }

  /** A conversation with the first trusted peer that offers a snapshot worth taking. */
  async #offer(): Promise<ServerLink | undefined> {
    const { limits } = this.#parts
    for (const peer of this.#parts.peers()) {
      if (!peer.isTrusted) continue
      const link = await this.#open(peer)
      if (link === undefined) continue
      if (link.has('snapshot') && link.hello.processed >= BigInt(limits.minSnapshotBlocks)) return link
      link.close()
    }
    return undefined
  }

  async #open(peer: CatchUpPeer): Promise<ServerLink | undefined> {
    const { clock, signal } = this.#parts
    try {
      return await ServerLink.open(peer, this.#parts.hello(), { clock, signal, timeoutMs: CHUNK_TIMEOUT_MS })
    } catch (error) {
      this.#parts.failed(peer.id, error)
      return undefined
    }
  }

  /** @returns by how many keys the store grew */
  async #takeIn(first: ServerLink | undefined): Promise<number> {
    const { storage, signal, log } = this.#parts
    if (this.#state === undefined) {
      if (first === undefined || this.#parts.heads().length > 0) return 0
      const state = { peer: first.peer.id, phase: 'frame', cursor: '', frameChunks: 0, keys: 0, chunks: 0 } as const
      await storage.commit([this.#records.save(state)], { durable: true })
      this.#setState(state)
      log.info(`taking in a snapshot of ${first.peer.id}`)
    }
    let link = first
    while (this.#state !== undefined && this.#state.phase !== 'cleaning') {
      signal.throwIfAborted()
      link ??= await this.#comeBack(this.#state.peer)
      if (link === undefined) {
        log.warn(`${this.#state.peer} is not there to go on with its snapshot: beginning anew`)
        return this.#giveUp()
      }
      try {
        const steps = new SnapshotSteps(this.#parts, this.#records, link, (state) => {
          this.#setState(state)
        })
        await steps.run(this.#state)
        await this.#drop()
        return this.#done()
      } catch (error) {
        signal.throwIfAborted()
        link.close()
        if (!(error instanceof CrdtError)) throw error // of the datastore
        this.#parts.failed(link.peer.id, error)
        if (!isOfLink(error)) {
          log.error(`the snapshot of ${link.peer.id} is refused: ${messageOf(error)}`)
          this.#refused += 1
          return this.#giveUp()
        }
        log.warn(`the snapshot of ${link.peer.id} was broken off: ${messageOf(error)}`)
        link = undefined
      }
    }
    return this.#giveUp()
  }

  /** What was kept is of no more use. What cannot be removed now is removed when the store is opened. */
  async #drop(): Promise<void> {
    const { log, signal } = this.#parts
    try {
      await this.#records.drop(signal)
    } catch (error) {
      log.warn(`what was kept of a snapshot is not removed yet: ${messageOf(error)}`)
    }
  }

  async #giveUp(): Promise<number> {
    if (this.#state !== undefined) await this.#records.clean(this.#state, this.#parts.signal)
    this.#setState(undefined)
    return 0
  }

  /** Waits for the peer of a broken-off snapshot. */
  async #comeBack(id: string): Promise<ServerLink | undefined> {
    const { clock, limits } = this.#parts
    const untilMs = clock.nowMs() + limits.resumeTimeoutMs
    for (;;) {
      const peer = this.#parts.peers().find((other) => other.id === id && other.isTrusted)
      const link = peer === undefined ? undefined : await this.#open(peer)
      if (link?.has('snapshot') === true) return link
      link?.close() // blocks are missing there: it may have begun anew, and have less than it had
      if (clock.nowMs() >= untilMs) return undefined
      await this.#pause(LOOK_AGAIN_MS)
    }
  }

  #setState(state: IntakeState | undefined): void {
    const wasTakingIn = this.isTakingIn
    this.#state = state
    if (state !== undefined) {
      this.#keys = state.keys
      this.#chunks = state.chunks
      if (wasTakingIn) return
      this.#readable = Promise.withResolvers()
      this.#readable.promise.catch(() => undefined) // of those who wait
    } else {
      this.#readable?.resolve(undefined)
      this.#readable = undefined
    }
  }
}

/** Whether only the conversation failed: then the snapshot goes on when the peer is back. */
function isOfLink(error: CrdtError): boolean {
  return error.code === 'ERR_CRDT_FETCH' || error.code === 'ERR_CRDT_CLOSED'
}
