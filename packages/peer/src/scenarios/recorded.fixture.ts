import { readFileSync } from 'node:fs'

/** A status as the recorded scenarios have it. */
export type ShownStatus = readonly [status: string, error: string, attempts: number, priority: boolean]
/** Statuses of one pin by the names of the peers. */
export type Statuses = Readonly<Record<string, ShownStatus>>

interface Recording {
  readonly scenarios: readonly (Readonly<Record<string, unknown>> & { readonly scenario: string })[]
}

const { scenarios } = read('status-scenarios') as Recording

/** What a real daemon answers, by the names of the answers. */
export const { answers: kuboTexts } = read('kubo-texts') as { readonly answers: Readonly<Record<string, string>> }

/** The names of all recorded scenarios. */
export const scenarioNames: readonly string[] = scenarios.map(({ scenario }) => scenario)

/** What was recorded under a key of a scenario. */
export function recordedValue(name: string, key: string): unknown {
  const value = scenarios.find(({ scenario }) => scenario === name)?.[key]
  if (value === undefined) throw new Error(`no ${key} in ${name}`)
  return value
}

/** The statuses that were recorded under a key of a scenario. */
export function recorded(name: string, key: string): Statuses {
  return recordedValue(name, key) as Statuses
}

/** What a listing had recorded of the only CID that was asked for. */
export function recordedListing(name: string, key: string): Statuses {
  const [statuses, ...others] = Object.values(recordedValue(name, key) as Readonly<Record<string, Statuses>>)
  if (statuses === undefined || others.length > 0) throw new Error(`${key} of ${name} is not about one CID`)
  return statuses
}

/** The recorded refusal of a call. */
export function recordedMessage(name: string, key: string): string {
  const [, answer] = recordedValue(name, key) as readonly [
    number,
    { readonly message: string } | readonly { readonly message: string }[]
  ]
  const [{ message } = { message: '' }] = [answer].flat()
  if (message === '') throw new Error(`${key} of ${name} is no refusal`)
  return message
}

/** Our texts of errors say more than those of the reference: only whether there is one is compared. */
export function comparable(statuses: Statuses): unknown {
  return Object.fromEntries(
    Object.entries(statuses)
      .map(([peer, [status, error, attempts, priority]]) => [peer, [status, error !== '', attempts, priority]] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  )
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../testing/vectors/cli/${name}.json`, import.meta.url), 'utf8'))
}
