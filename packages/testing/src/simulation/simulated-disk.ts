import type { SimulatedClock } from './simulated-clock.ts'
import { DiskEntries, type DiskEntry } from './disk-entries.ts'
import { DiskJournal, type DiskChange } from './disk-journal.ts'
import { SimulatedDatastore } from './simulated-datastore.ts'

/** How a disk behaves. */
export interface DiskWeather {
  /** Time that a commit takes: uniform. A commit that is not durable takes a tenth. */
  minWriteMs: number
  maxWriteMs: number
  /** Share of commits that fail, 0 to 1: the disk is full. */
  writeErrors: number
}

/** A commit on its way. */
interface Pending {
  readonly changes: readonly DiskChange[]
  readonly durable: boolean
}

/** When a planned crash happens: before the n-th commit takes effect, or after it did and before it is answered. */
export interface CrashPlan {
  readonly afterCommits: number
  readonly isBefore: boolean
  readonly crash: () => void
}

/**
 * The disk of one peer of a simulation. It outlives the processes that use it: each mounts it as a datastore. Values are
 * not copied: nobody may change what was written or read.
 */
export class SimulatedDisk {
  readonly #clock: SimulatedClock
  readonly #random: () => number
  readonly #entries = new DiskEntries()
  readonly #journal: DiskJournal
  #mounted: { isAlive: boolean } = { isAlive: false }
  #pending: Pending[] = []
  #plan: CrashPlan | undefined
  #plannedIn = 0
  #busyUntilMs = 0
  readonly weather: DiskWeather = { minWriteMs: 0, maxWriteMs: 8, writeErrors: 0 }
  /** Commits that took effect. */
  commits = 0

  /** @param onWrite - told what takes effect, also when it is lost later */
  constructor(
    clock: SimulatedClock,
    random: () => number,
    onWrite: (changes: readonly DiskChange[]) => void = () => undefined
  ) {
    this.#clock = clock
    this.#random = random
    this.#journal = new DiskJournal(this.#entries, random, onWrite)
  }

  /** The datastore of a process; a former one does nothing any more. */
  mount(): SimulatedDatastore {
    this.#mounted.isAlive = false
    const mounted = { isAlive: true }
    this.#mounted = mounted
    return new SimulatedDatastore({
      read: (fn) => this.#read(mounted, fn),
      commit: (changes, durable) => this.#commit(mounted, changes, durable),
      get: (text) => this.#entries.get(text),
      range: (gte, lt, limit) => this.#entries.range(gte, lt, limit)
    })
  }

  /** The process ended by itself. */
  unmount(): void {
    this.#mounted.isAlive = false
    this.#journal.flush()
  }

  /** The process is killed: what it wrote stays; of the commits on their way some took effect. */
  kill(): void {
    this.#interrupt()
    this.#journal.flush()
  }

  /**
   * The power fails: what was not synced may be lost.
   *
   * @returns how many commits were lost
   */
  losePower(): number {
    this.#interrupt()
    return this.#journal.lose()
  }

  /** Plans a crash at one of the next commits, instead of what was planned before; `undefined`: no crash. */
  planCrash(plan: CrashPlan | undefined): void {
    this.#plan = plan
    this.#plannedIn = plan?.afterCommits ?? 0
  }

  /** What is on the disk now; read it at once. */
  get entries(): Iterable<DiskEntry> & Pick<DiskEntries, 'get' | 'range' | 'size'> {
    return this.#entries
  }

  /** Whether the entry is there, and no power loss can change that. */
  isSafe(text: string): boolean {
    return this.#entries.get(text) !== undefined && this.#journal.isSafe(text)
  }

  /** Changes the disk while no process has mounted it, as by hand. */
  edit(changes: readonly DiskChange[]): void {
    this.#journal.write(changes, true)
  }

  #interrupt(): void {
    this.#mounted.isAlive = false
    this.#plan = undefined
    this.#busyUntilMs = 0
    for (const { changes, durable } of this.#pending.splice(0)) {
      if (this.#random() < 0.5) break
      this.#journal.write(changes, durable && this.#random() < 0.5)
    }
  }

  /** Reads take a few turns of the promise queue, a few of them longer: so that other work comes in between. */
  async #read<T>(mounted: { isAlive: boolean }, fn: () => T): Promise<T> {
    const dice = this.#random()
    if (dice < 0.02) {
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(this.#clock.nowMs() + 1, resolve)
      })
    } else if (dice < 0.4) await Promise.resolve()
    if (!mounted.isAlive) await never()
    return fn()
  }

  async #commit(mounted: { isAlive: boolean }, changes: readonly DiskChange[], durable: boolean): Promise<void> {
    if (!mounted.isAlive) await never()
    const { minWriteMs, maxWriteMs, writeErrors } = this.weather
    const isFailing = this.#random() < writeErrors
    if (!isFailing) this.#pending.push({ changes, durable })
    const tookMs = (minWriteMs + this.#random() * (maxWriteMs - minWriteMs)) * (durable ? 1 : 0.1)
    // one after the other: commits take effect and are answered in the order of the calls
    this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#clock.elapsedMs) + tookMs
    await new Promise<void>((resolve) => {
      this.#clock.setTimer(this.#clock.nowMs() + this.#busyUntilMs - this.#clock.elapsedMs, resolve)
    })
    if (!mounted.isAlive) await never()
    if (isFailing) throw new Error('simulated: no space left on device')
    if (this.#isCrashing(true)) await never()
    this.#pending.shift()
    this.#journal.write(changes, durable)
    this.commits += 1
    if (this.#isCrashing(false)) await never()
  }

  /** Whether the planned crash happened just now. */
  #isCrashing(isBefore: boolean): boolean {
    const plan = this.#plan
    if (plan?.isBefore !== isBefore) return false
    this.#plannedIn -= 1
    if (this.#plannedIn > 0) return false
    this.#plan = undefined
    plan.crash()
    return true
  }
}

/** A dead process gets no answers. */
function never(): Promise<never> {
  return new Promise(() => undefined)
}
