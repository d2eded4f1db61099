import { isMainThread } from 'node:worker_threads'
import { parseSimulationArguments, type SimulationArguments } from './arguments.ts'
import { Crew } from './crew.ts'
import { plantFault, type Plant } from './plant.ts'
import { Progress } from './progress.ts'
import type { FailedSchedule, Schedule } from './schedule.ts'
import { workOff } from './worker.ts'

/** A simulation as a program: `simulate/main.ts` of a package hands one to {@link runSimulation}. */
export interface Simulation {
  /** The project, as in `nx simulate <name>`. */
  readonly name: string
  /** `import.meta.url` of the program: worker threads start it again. */
  readonly program: string
  /**
   * Imports the schedule, in each worker thread, after a fault was planted. Import what is simulated only in there,
   * with `import()`.
   */
  readonly load: () => Promise<Schedule>
  /** Faults that the simulation must find, by name. */
  readonly plants?: Readonly<Record<string, Plant>>
  /** Steps of a schedule unless the user says otherwise. Default 200. */
  readonly steps?: number
}

const DEFAULT_SCHEDULES = 1000
const DEFAULT_STEPS = 200

/**
 * Runs many schedules in worker threads until one fails, and sets the exit code: 0 if none did, 1 if one did, 2 if the
 * command line is wrong, 130 if it was stopped. The first failed schedule is replayed with a trace and printed together
 * with the command that runs it again.
 *
 * @param simulation - see the README of this package for a whole program
 */
export async function runSimulation(simulation: Simulation): Promise<void> {
  const { load, plants = {}, steps = DEFAULT_STEPS } = simulation
  if (!isMainThread) {
    await workOff(async (plant) => {
      const fault = plant === undefined ? undefined : plants[plant]
      const check = fault && plantFault(fault)
      const schedule = await load()
      check?.()
      return schedule
    })
    return
  }
  let args: SimulationArguments
  try {
    args = parseSimulationArguments(process.argv.slice(2), { schedules: DEFAULT_SCHEDULES, steps }, Object.keys(plants))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nMore with --help\n`)
    process.exitCode = 2
    return
  }
  if (args.help) process.stdout.write(helpOf(simulation, steps))
  else process.exitCode = await simulate(simulation, args)
}

async function simulate({ name, program }: Simulation, args: SimulationArguments): Promise<number> {
  const last = args.seed + args.schedules - 1
  const planted = args.plant === undefined ? '' : `, with the fault ${args.plant}`
  process.stdout.write(
    `${name}: ${args.schedules} schedules of ${args.steps} steps, seeds ${args.seed} to ${last}${planted}\n`
  )
  const crew = new Crew(program, args)
  const progress = new Progress(process.stderr, args.schedules, () => crew.done)
  const interrupt = new AbortController()
  const stop = (): void => {
    interrupt.abort()
    crew.stop()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  progress.start()
  let failed: FailedSchedule | undefined
  try {
    failed = await crew.work()
  } finally {
    progress.stop()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
  process.stdout.write(`${progress.summary()}\n`)
  if (failed !== undefined) process.stdout.write(describe(name, args, failed))
  else process.stdout.write(interrupt.signal.aborted ? 'stopped; no violation so far\n' : 'no violation\n')
  return failed !== undefined ? 1 : interrupt.signal.aborted ? 130 : 0
}

function describe(name: string, args: SimulationArguments, failed: FailedSchedule): string {
  const { seed, step, invariant, detail, trace, isReplayed } = failed
  const plant = args.plant === undefined ? '' : ` --plant ${args.plant}`
  const events = trace.map((line) => `  ${line}\n`).join('')
  const replayed = isReplayed
    ? `The last events before it:\n${events || '  unknown\n'}\n`
    : 'It did not happen again when it was replayed: the schedule does not follow from its seed alone.\n'
  return (
    `\n${replayed}VIOLATION of: ${invariant}\n  seed ${seed}, step ${step}\n  ${detail.replaceAll('\n', '\n  ')}\n` +
    `Run it again: npx nx simulate ${name} --schedules 1 --seed ${seed} --steps ${args.steps} --jobs 1${plant}\n`
  )
}

function helpOf({ name, plants = {} }: Simulation, steps: number): string {
  const faults = Object.entries(plants).map(([plant, { about }]) => `    ${plant.padEnd(20)} ${about}\n`)
  return (
    `Usage: npx nx simulate ${name} [options]\n\n` +
    `  --schedules N   how many schedules to run (default ${DEFAULT_SCHEDULES})\n` +
    '  --seed N        seed of the first one; the others follow (default 1)\n' +
    `  --steps N       steps of each schedule (default ${steps})\n` +
    '  --jobs N        worker threads (default: one for each core)\n' +
    '  --plant NAME    break something on purpose, to see that it is found\n' +
    `${faults.join('')}\nExit code: 0 no violation, 1 violation, 2 wrong usage, 130 stopped\n`
  )
}
