import { pinOf, pinsetKey, timestampFromMs, trackerStatusToString, type Pin, type PinsetChange } from '@cluster/api'
import {
  mustHold,
  ProcessClock,
  SimulatedClock,
  SimulatedDisk,
  testCid,
  testContext,
  testPeerId,
  type SimulationReport
} from '@cluster/testing'
import { IndexedTracker } from '../src/indexed-tracker.ts'
import type { Dice } from './dice.ts'
import { ModelDaemon, type ModelConnector } from './model-daemon.ts'
import { ModelPinset } from './model-pinset.ts'

/** The CIDs that come and go, and those that only others pin. */
const CIDS = Array.from({ length: 16 }, (_, index) => testCid(index))
const FOREIGN = Array.from({ length: 6 }, (_, index) => testCid(100 + index))
const ELSEWHERE = testPeerId(50)
/** Nothing that is asked takes longer, in simulated time: the daemon gives up before. */
const PATIENCE_MS = 3_600_000

/** One run of the peer, until it stops or dies. */
interface Process {
  readonly clock: ProcessClock
  readonly connector: ModelConnector
  readonly tracker: IndexedTracker
}

/** A peer with its disk, its pinset and its daemon. */
export class World {
  readonly dice: Dice
  readonly report: SimulationReport
  readonly clock = new SimulatedClock()
  readonly pinset = new ModelPinset()
  readonly daemon: ModelDaemon
  readonly disk: SimulatedDisk
  readonly #limits: ConstructorParameters<typeof IndexedTracker>[1]
  /** CIDs that were ever part of the pinset. */
  readonly #known = new Set<string>()
  process: Process | undefined
  /** Changes that the tracker has not been told of. */
  undelivered: PinsetChange[] = []
  /** The disk failed, and the peer must stop. */
  isFatal = false
  /** How busy the process is with other things: operations then begin with pauses. It may stay so to the end. */
  load: 'none' | 'some' | 'full' = 'none'

  constructor(dice: Dice, report: SimulationReport) {
    this.dice = dice
    this.report = report
    this.daemon = new ModelDaemon(this.clock, dice, (line) => {
      this.tell(line)
    })
    this.disk = new SimulatedDisk(this.clock, dice.random)
    this.#limits = {
      maxPinQueueSize: dice.pick([2, 4, 100]),
      concurrentPins: dice.between(1, 4),
      priorityPinMaxAgeMs: 60_000,
      priorityPinMaxRetries: 1,
      pinsPerSecond: dice.chance(0.2) ? 2 : 0
    }
    for (const cid of FOREIGN.slice(0, 3)) this.daemon.hold(pinOf(cid))
  }

  tell(line: () => string): void {
    this.report.trace?.(line())
  }

  boot(): void {
    if (this.process !== undefined) return
    this.tell(() => 'the peer starts')
    const clock = new ProcessClock(this.clock)
    const connector = this.daemon.connect((key) => this.#known.has(key), this.#limits.concurrentPins)
    const context = {
      ...testContext({ random: this.dice.random }),
      clock,
      datastore: this.disk.mount(),
      pinset: this.pinset,
      ipfs: connector,
      isBusy: () => this.load === 'full' || (this.load === 'some' && this.dice.chance(0.5)),
      fatal: () => {
        if (this.process?.tracker === tracker) this.isFatal = true
      }
    }
    const tracker = new IndexedTracker(context, this.#limits)
    this.process = { clock, connector, tracker }
    if (this.report.trace !== undefined) {
      tracker.addEventListener('status', ({ detail: { cid, status, error } }) => {
        this.tell(() => `${pinsetKey(cid).slice(-6)} is ${trackerStatusToString(status)} ${error}`)
      })
    }
    this.isFatal = false
    tracker.start({})
    this.undelivered = [{ type: 'resync' }]
  }

  async stop(): Promise<void> {
    const { process } = this
    if (process === undefined) return
    this.tell(() => 'the peer stops')
    await this.during(process.tracker.stop({}).catch(() => undefined))
    if (this.process !== process) return
    mustHold(process.clock.pending === 0, 'a stopped tracker leaves no timer')
    mustHold(process.connector.running === 0, 'a stopped tracker leaves no call')
    this.disk.unmount()
    this.process = undefined
  }

  crash(isPowerCut: boolean): void {
    const { process } = this
    if (process === undefined) return
    process.clock.kill()
    process.connector.kill()
    const lost = isPowerCut ? this.disk.losePower() : 0
    if (!isPowerCut) this.disk.kill()
    this.tell(() => (isPowerCut ? `power cut: ${lost} commits lost` : 'the peer is killed'))
    this.process = undefined
  }

  /** A random change of the pinset. */
  change(): void {
    const cid = this.dice.pick(CIDS)
    const key = pinsetKey(cid)
    if (this.dice.chance(0.35)) {
      if (!this.pinset.pins.delete(key)) return
      this.tell(() => `unpin ${key.slice(-6)}`)
      this.undelivered.push({ type: 'unpin', cid })
      return
    }
    const timestamp = timestampFromMs(this.clock.nowMs())
    const base = pinOf(cid, { mode: this.dice.chance(0.3) ? 1 : 0, timestamp })
    const everywhere = { ...base, replicationFactorMin: -1, replicationFactorMax: -1 }
    const elsewhere = { ...base, replicationFactorMin: 1, replicationFactorMax: 1, allocations: [ELSEWHERE] }
    this.add(this.dice.pick([everywhere, everywhere, elsewhere]))
  }

  add(pin: Pin): void {
    const key = pinsetKey(pin.cid)
    this.tell(() => `pin ${key.slice(-6)}, depth ${pin.maxDepth}, max ${pin.replicationFactorMax}`)
    this.#known.add(key)
    this.pinset.pins.set(key, pin)
    this.undelivered.push({ type: 'pin', pin })
  }

  /** Tells the tracker what changed; the feed compares everything when something went wrong. */
  async deliver(): Promise<void> {
    const { process } = this
    if (process === undefined || this.undelivered.length === 0) return
    const changes = this.dice.chance(0.1) ? [{ type: 'resync' } as const] : this.undelivered
    this.undelivered = []
    await this.during(process.tracker.apply(changes, {}), (error) => {
      this.tell(() => `changes were not taken: ${String(error)}`)
      this.undelivered = [{ type: 'resync' }]
    })
  }

  /** Lets time pass until a promise settles, or the process that it belongs to is gone. */
  async during<T>(promise: Promise<T>, onError?: (error: unknown) => void): Promise<T | undefined> {
    const { process } = this
    const outcome: { settled?: PromiseSettledResult<T> } = {}
    void Promise.allSettled([promise]).then(([settled]) => {
      outcome.settled = settled
    })
    await this.advance(PATIENCE_MS, () => outcome.settled !== undefined || this.process !== process)
    const { settled } = outcome
    if (settled === undefined) {
      mustHold(this.process !== process, 'what is asked is answered')
      return undefined
    }
    if (settled.status === 'fulfilled') return settled.value
    if (onError === undefined) throw settled.reason
    onError(settled.reason)
    return undefined
  }

  async advance(ms: number, until?: () => boolean): Promise<void> {
    await this.clock.advance(ms, until)
    const { violation } = this.daemon
    if (violation !== undefined) throw violation
  }

  /** The daemon is not the one that it was. */
  restartDaemon(how: 'same' | 'empty' | 'other'): void {
    this.tell(() => `the daemon restarts, with the ${how} repository`)
    if (how !== 'same') this.daemon.held.clear()
    if (how === 'other') for (const cid of FOREIGN) this.daemon.hold(pinOf(cid))
    this.daemon.weather.state = 'up'
    this.daemon.changed()
    this.process?.connector.safeDispatchEvent('swarms:due')
  }

  /** Somebody unpins by hand. */
  loseOne(): void {
    const cid = this.dice.pick(CIDS)
    if (this.daemon.held.delete(pinsetKey(cid))) this.tell(() => `lost: ${pinsetKey(cid).slice(-6)}`)
  }

  /** Somebody sets the clock of the machine, by hours. */
  setClock(): void {
    const hours = this.dice.between(-5, 5)
    this.tell(() => `the clock is set by ${hours} hours`)
    this.clock.set(hours * 3_600_000)
  }

  toggleMissing(): void {
    const key = pinsetKey(this.dice.pick(CIDS))
    if (!this.daemon.missing.delete(key)) this.daemon.missing.add(key)
    this.tell(() => `${key.slice(-6)} is ${this.daemon.missing.has(key) ? 'nowhere' : 'somewhere'}`)
    this.daemon.changed()
  }

  /** Keys of what others pinned at the daemon. */
  get foreign(): readonly string[] {
    return FOREIGN.map((cid) => pinsetKey(cid))
  }

  cid(): (typeof CIDS)[number] {
    return this.dice.pick(CIDS)
  }
}
