import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

/** How a simulation is run. */
export interface SimulationArguments {
  /** Schedules to run; their seeds are consecutive. */
  readonly schedules: number
  /** Seed of the first one. */
  readonly seed: number
  /** Worker threads. */
  readonly jobs: number
  readonly steps: number
  /** The fault to plant. */
  readonly plant: string | undefined
  readonly help: boolean
}

/** Most worker threads. */
const MAX_JOBS = 256
/** Seeds are 32 bits: all that the generator takes. */
const MAX_SEED = 2 ** 32 - 1

/**
 * Reads the command line.
 *
 * @throws Error with a text for the user
 */
export function parseSimulationArguments(
  args: readonly string[],
  defaults: { readonly schedules: number; readonly steps: number },
  plants: readonly string[]
): SimulationArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      schedules: { type: 'string' },
      seed: { type: 'string' },
      jobs: { type: 'string' },
      steps: { type: 'string' },
      plant: { type: 'string' },
      help: { type: 'boolean', short: 'h' }
    }
  })
  const { plant } = values
  if (plant !== undefined && !plants.includes(plant)) {
    throw new Error(`there is no fault ${plant} to plant; known: ${plants.join(', ')}`)
  }
  return {
    schedules: count('schedules', values.schedules, defaults.schedules, MAX_SEED),
    seed: count('seed', values.seed, 1, MAX_SEED),
    jobs: count('jobs', values.jobs, availableParallelism(), MAX_JOBS),
    steps: count('steps', values.steps, defaults.steps, Number.MAX_SAFE_INTEGER),
    plant,
    help: values.help ?? false
  }
}

function count(name: string, text: string | undefined, standard: number, max: number): number {
  if (text === undefined) return standard
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (number >= 1 && number <= max) return number
  throw new Error(`--${name} must be a number from 1 to ${max}, not ${text}`)
}
