import { parentPort, workerData } from 'node:worker_threads'
import { tryOut, type FailedSchedule, type Schedule } from './schedule.ts'

/** What a worker thread of a simulation is told. */
export interface WorkerTask {
  /** Places in it: see {@link Place}. */
  readonly shared: Int32Array<SharedArrayBuffer>
  readonly index: number
  readonly seed: number
  readonly schedules: number
  readonly steps: number
  readonly plant: string | undefined
}

/**
 * What main and worker threads share: the schedule to take next, those done, whether to stop, and from `runs` on the
 * schedule that each worker runs now.
 */
export const Place = { next: 0, done: 1, stop: 2, runs: 3 } as const

/** What a worker says before it ends. */
export interface WorkerWord {
  readonly failed: FailedSchedule | undefined
}

/** Takes schedules until there are no more, or one fails, or somebody says stop. */
export async function workOff(load: (plant: string | undefined) => Promise<Schedule>): Promise<void> {
  const { shared, index, seed, schedules, steps, plant } = workerData as WorkerTask
  const schedule = await load(plant)
  let failed: FailedSchedule | undefined
  while (failed === undefined && Atomics.load(shared, Place.stop) === 0) {
    const next = Atomics.add(shared, Place.next, 1)
    if (next >= schedules) break
    Atomics.store(shared, Place.runs + index, next)
    failed = await tryOut(schedule, seed + next, steps)
    Atomics.add(shared, Place.done, 1)
  }
  Atomics.store(shared, Place.runs + index, -1)
  const word: WorkerWord = { failed }
  parentPort?.postMessage(word)
}
