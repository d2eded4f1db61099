import { Worker } from 'node:worker_threads'
import type { SimulationArguments } from './arguments.ts'
import type { FailedSchedule } from './schedule.ts'
import { Place, type WorkerTask, type WorkerWord } from './worker.ts'

/** A schedule that takes longer than this will not end: it takes milliseconds, and a machine is never that busy. */
const STUCK_MS = 300_000
const LOOK_MS = 1000

/** The worker threads of a simulation. */
export class Crew {
  readonly #shared: Int32Array<SharedArrayBuffer>
  readonly #program: string
  readonly #args: SimulationArguments

  constructor(program: string, args: SimulationArguments) {
    this.#program = program
    this.#args = args
    this.#shared = new Int32Array(new SharedArrayBuffer(4 * (Place.runs + args.jobs))).fill(-1, Place.runs)
  }

  /** Schedules that ended. */
  get done(): number {
    return Atomics.load(this.#shared, Place.done)
  }

  /** No more schedules: those that run come to their end. */
  stop(): void {
    Atomics.store(this.#shared, Place.stop, 1)
  }

  /**
   * Runs all schedules.
   *
   * @returns the failed one with the smallest seed, if any
   * @throws what a worker thread died of
   */
  async work(): Promise<FailedSchedule | undefined> {
    const jobs = Math.min(this.#args.jobs, this.#args.schedules)
    const words = await Promise.all(Array.from({ length: jobs }, (_, index) => this.#hire(index)))
    const failed = words.filter((word) => word !== undefined)
    return failed.sort((a, b) => a.seed - b.seed)[0]
  }

  async #hire(index: number): Promise<FailedSchedule | undefined> {
    const { seed, schedules, steps, plant } = this.#args
    const task: WorkerTask = { shared: this.#shared, index, seed, schedules, steps, plant }
    const worker = new Worker(new URL(this.#program), { workerData: task })
    let watch: NodeJS.Timeout | undefined
    let hasSpoken = false
    try {
      return await new Promise<FailedSchedule | undefined>((resolve, reject) => {
        worker.on('message', (word: WorkerWord) => {
          hasSpoken = true
          if (word.failed !== undefined) this.stop()
          resolve(word.failed)
        })
        worker.on('error', (error) => {
          this.stop()
          reject(error instanceof Error ? error : new Error(String(error)))
        })
        worker.on('exit', (code) => {
          if (hasSpoken) return
          this.stop()
          const at = Atomics.load(this.#shared, Place.runs + index)
          if (at < 0) reject(new Error(`a worker thread ended with exit code ${code}`))
          else resolve(unended(seed + at, 'it waits for something that never happens'))
        })
        watch = this.#watch(index, (stuck) => {
          this.stop()
          resolve(unended(stuck, `it ran for ${STUCK_MS / 1000} s`))
        })
      })
    } finally {
      clearInterval(watch)
      await worker.terminate()
    }
  }

  /** Tells when a worker comes no further: it may be in a loop that leaves no room for messages. */
  #watch(index: number, stuck: (seed: number) => void): NodeJS.Timeout {
    let last = -1
    let sinceMs = performance.now()
    return setInterval(() => {
      const now = Atomics.load(this.#shared, Place.runs + index)
      if (now !== last) sinceMs = performance.now()
      last = now
      if (now >= 0 && performance.now() - sinceMs > STUCK_MS) stuck(this.#args.seed + now)
    }, LOOK_MS)
  }
}

/** Its step is not known: nobody could be asked. */
function unended(seed: number, detail: string): FailedSchedule {
  return { seed, step: 0, invariant: 'every schedule ends', detail, trace: [], isReplayed: true }
}
