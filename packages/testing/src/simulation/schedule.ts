import { setImmediate } from 'node:timers/promises'
import { TracingReport, type SimulationReport } from './report.ts'
import { Violation } from './violation.ts'

/**
 * One simulated run. Everything in it follows from the seed: it uses no clock, random source, file or socket but the
 * simulated ones.
 *
 * @throws a {@link Violation}, or anything else, when something is wrong
 */
export type Schedule = (seed: number, report: SimulationReport) => Promise<void>

/** What a schedule that failed had to say. */
export interface FailedSchedule {
  readonly seed: number
  readonly step: number
  readonly invariant: string
  readonly detail: string
  /** The last events before it; empty if it did not happen again when it was replayed. */
  readonly trace: readonly string[]
  readonly isReplayed: boolean
}

/** Runs one schedule, and once more with a trace if it fails. */
export async function tryOut(schedule: Schedule, seed: number, steps: number): Promise<FailedSchedule | undefined> {
  const report: SimulationReport = { step: 0, steps, trace: undefined }
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0 // errors are common in what is simulated, and stacks cost more than all else about them
  const fault = await faultOf(() => schedule(seed, report))
  Error.stackTraceLimit = stackTraceLimit
  if (fault === undefined) return undefined
  const replay = new TracingReport(steps)
  const again = await faultOf(() => schedule(seed, replay))
  const isReplayed = again?.invariant === fault.invariant && replay.step === report.step
  return { seed, step: report.step, ...(isReplayed ? again : fault), trace: replay.lines, isReplayed }
}

interface Fault {
  readonly invariant: string
  readonly detail: string
}

/** A rejection that nobody handled is a fault as well. */
async function faultOf(run: () => Promise<void>): Promise<Fault | undefined> {
  let fault: Fault | undefined
  const onUnhandled = (reason: unknown): void => {
    fault ??= { invariant: 'no rejection is left unhandled', detail: textOf(reason) }
  }
  process.on('unhandledRejection', onUnhandled)
  try {
    await run()
  } catch (error) {
    fault ??=
      error instanceof Violation
        ? { invariant: error.invariant, detail: error.message }
        : { invariant: 'nothing unexpected is thrown', detail: textOf(error) }
  }
  await setImmediate() // unhandled rejections are told after the current work
  process.off('unhandledRejection', onUnhandled)
  return fault
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
