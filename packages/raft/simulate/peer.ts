import { mustHold, ProcessClock } from '@cluster/testing'
import {
  bootstrap,
  RaftError,
  RaftNode,
  SegmentLog,
  votersOf,
  type Incoming,
  type RaftState,
  type RaftTiming
} from '../src/index.ts'
import { CheckedLog, DiskRecord } from './checked-log.ts'
import { SimulatedFiles } from './files.ts'
import { ListMachine, type MachineState } from './machine.ts'
import { SimulatedSnapshots } from './snapshots.ts'
import { SimulatedTransport } from './transport.ts'
import type { World } from './world.ts'

interface Process {
  isAlive: boolean
  readonly clock: ProcessClock
  readonly transport: SimulatedTransport
  machine: ListMachine | undefined
  node: RaftNode | undefined
  log: CheckedLog | undefined
}

/** Small enough that a schedule sees many. */
const SEGMENT_BYTES = 3000
/** A timer must not fire before its time because a product was rounded. */
const ROUNDING_MS = 0.001

/** One server: its disk, and its process while it runs. */
export class Peer {
  readonly #world: World
  readonly number: number
  readonly name: string
  readonly files: SimulatedFiles
  readonly snapshots: SimulatedSnapshots
  readonly record = new DiskRecord()
  readonly timing: Partial<RaftTiming>
  /** Opens a stream for each call and sends little at once. */
  readonly isGoLike: boolean
  readonly #machineDisk: MachineState | undefined
  readonly #isVoter: boolean
  readonly #trailing: number
  #process: Process | undefined
  /** Until then it stands still. */
  pausedUntilMs = 0
  /** The process that is ending by itself. */
  #ending: Process | undefined

  constructor(world: World, number: number, isVoter: boolean) {
    const { dice, clock } = world
    this.#world = world
    this.number = number
    this.name = String.fromCharCode(65 + number)
    this.#isVoter = isVoter
    this.isGoLike = dice.chance(0.25)
    this.files = new SimulatedFiles(clock, dice)
    this.snapshots = new SimulatedSnapshots(clock, dice)
    this.#machineDisk = dice.chance(0.4) ? { index: 0, operations: [] } : undefined
    this.#trailing = dice.between(0, 12)
    this.timing = {
      maxAppendEntries: dice.pick([1, 2, 5, 64]) ?? 64,
      maxInflight: this.isGoLike ? 2 : dice.between(1, 4),
      maxRecentBytes: dice.pick([300, 3000, 100_000]) ?? 3000
    }
    world.ledger.watch(this)
  }

  get state(): RaftState | undefined {
    return this.#process?.node?.state
  }

  get node(): RaftNode | undefined {
    return this.#process?.node
  }

  get machine(): ListMachine | undefined {
    return this.#process?.machine
  }

  get isUp(): boolean {
    return this.#process !== undefined
  }

  get snapshotIndex(): number {
    return Math.max(this.snapshots.newest?.index ?? 0, this.#machineDisk?.index ?? 0)
  }

  start(): void {
    if (this.#process !== undefined || this.#ending !== undefined) return
    const clock = new ProcessClock(this.#world.clock)
    const process: Process = {
      isAlive: true,
      clock,
      transport: undefined as unknown as SimulatedTransport,
      machine: undefined,
      node: undefined,
      log: undefined
    }
    Object.assign(process, { transport: new SimulatedTransport(this.#world, this, process) })
    this.#process = process
    this.#world.tell(() => `${this.name} starts`)
    this.#open(process).catch((error: unknown) => {
      this.#onFailed(process, error)
    })
  }

  /** The process is gone, and with it what was not synced if the power failed. */
  crash(isPowerLoss: boolean): void {
    const process = this.#process ?? this.#ending
    if (process === undefined) return
    this.#ending = undefined
    this.#world.tell(() => `${this.name} ${isPowerLoss ? 'loses power' : 'is killed'}`)
    process.isAlive = false
    process.clock.kill()
    this.#process = undefined
    if (isPowerLoss) this.files.losePower()
    else this.files.kill()
  }

  /** It ends by itself. */
  stop(): void {
    const process = this.#process
    const node = process?.node
    if (process === undefined || node === undefined) return
    this.#world.tell(() => `${this.name} stops`)
    this.#process = undefined
    this.#ending = process
    const stopping = async (): Promise<void> => {
      await node.stop()
      await process.log?.close()
      this.#world.attempt(() => {
        mustHold(
          process.clock.pending === 0,
          'a stopped node leaves no timer',
          () => `${this.name}: ${process.clock.pending}`
        )
      })
    }
    this.#world.stopping.push(
      Promise.race([stopping(), this.#gone(process)]).finally(() => {
        process.isAlive = false
        process.clock.kill()
        if (this.#ending === process) this.#ending = undefined
      })
    )
  }

  receive(incoming: Incoming, lose: () => void): void {
    const { clock } = this.#world
    const process = this.#process
    if (process?.transport.handler === undefined) {
      lose()
      return
    }
    if (clock.nowMs() >= this.pausedUntilMs) {
      process.transport.handler(incoming)
      return
    }
    clock.setTimer(this.pausedUntilMs, () => {
      if (process.isAlive) process.transport.handler?.(incoming)
    })
  }

  async #open(process: Process): Promise<void> {
    const world = this.#world
    const isGone = (): boolean => !process.isAlive
    const inner = await SegmentLog.open(this.files.mount(), { segmentBytes: SEGMENT_BYTES })
    if (isGone()) return
    const log = new CheckedLog(this.name, inner, this.record, world.ledger)
    process.log = log
    const snapshots = this.snapshots.mount(() => process.isAlive)
    if (this.#isVoter && log.lastIndex === 0 && log.getStable().term <= 1 && this.snapshots.newest === undefined) {
      // a crash may have come between the term and the first entry
      if (log.getStable().term === 0) await bootstrap({ log, snapshots }, votersOf(world.voters))
      else await log.append([world.firstEntry])
    }
    if (isGone()) return
    process.machine = new ListMachine(this.name, world.ledger, this.#machineDisk)
    const node = await RaftNode.open({
      id: this.name,
      log,
      snapshots,
      machine: process.machine,
      transport: process.transport,
      timing: this.timing,
      clock: this.#clockOf(process),
      random: world.dice.random,
      wallMs: () => 0,
      snapshotPolicy: { threshold: 12, trailing: this.#trailing, intervalMs: 1500 },
      onFatal: (error) => {
        this.#onFailed(process, error)
      }
    })
    if (isGone()) return
    process.node = node
    node.watch((state) => {
      if (process.isAlive) {
        world.attempt(() => {
          world.ledger.changed(this.name, state)
        })
      }
    })
    await node.start()
  }

  /** Clocks of servers run at different rates, and stand still while the process does. */
  #clockOf(process: Process): { nowMs: () => number; setTimer: (atMs: number, fn: () => void) => () => void } {
    const { clock } = process
    const rate = this.#world.dice.pick([1, 1, 1, 0.8, 1.25]) ?? 1
    return {
      nowMs: () => clock.nowMs() * rate,
      setTimer: (atMs, fn) => {
        let cancel = clock.setTimer(atMs / rate + ROUNDING_MS, () => {
          if (clock.nowMs() < this.pausedUntilMs) cancel = clock.setTimer(this.pausedUntilMs, fn)
          else fn()
        })
        return () => {
          cancel()
        }
      }
    }
  }

  /** Resolves when the process is gone, whatever it still waits for. */
  async #gone(process: Process): Promise<void> {
    while (process.isAlive) await this.#world.clock.sleep(50)
  }

  /** It stopped itself: only for what it may. */
  #onFailed(process: Process, error: unknown): void {
    if (!process.isAlive) return
    const isExpected =
      error instanceof RaftError && error.code === 'RAFT_STORAGE_FAILED' && String(error.cause).includes('simulated')
    const isAtOpening =
      String(error).includes('simulated') || (error instanceof RaftError && error.code === 'RAFT_STORAGE_FULL')
    if (!isExpected && !isAtOpening) this.#world.fail(error)
    this.#world.tell(() => `${this.name} stops itself: ${String(error)}`)
    // what a failed sync left is not known
    this.crash(true)
  }
}
