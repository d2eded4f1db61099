import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { scenarioNames } from './recorded.fixture.ts'

/** Tests beside this one, and those of parts that need no three peers. */
const TESTS = [
  ...readdirSync(new URL('.', import.meta.url))
    .filter((name) => name.endsWith('.vectors.test.ts'))
    .map((name) => new URL(name, import.meta.url)),
  new URL('../../../pintracker/src/recorded-queue.vectors.test.ts', import.meta.url),
  new URL('../../../cluster/src/recorded-alerts.vectors.test.ts', import.meta.url)
]

/**
 * The names under which tests read what was recorded: as they stand there, and with what stands in the place of a
 * variable part.
 */
function namesRead(source: string): readonly string[] {
  const quoted = [...source.matchAll(/['`]([a-zA-Z][\w.$&{}-]+)['`]/g)].map(([, name = '']) => name)
  return quoted.flatMap((name) => {
    const [, start, variable] = /^([a-z-]+)\$\{(\w+)\}$/.exec(name) ?? []
    if (start === undefined || variable === undefined) return [name]
    return (VARIABLES[variable] ?? []).map((value) => `${start}${value}`)
  })
}
/** What the variable part of a name stands for. */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  variant: ['everywhere', '1-1']
}

describe('status-scenarios.json', () => {
  it('has no scenario that no test reads', () => {
    const read = new Set(TESTS.flatMap((file) => namesRead(readFileSync(file, 'utf8'))))
    expect(scenarioNames.filter((name) => !read.has(name))).toEqual([])
    expect(scenarioNames).toHaveLength(new Set(scenarioNames).size)
  })
})
