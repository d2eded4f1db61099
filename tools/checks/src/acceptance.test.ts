import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** How many lines each part of the list has, and those that are not ours yet: Raft. */
const parts: readonly (readonly [name: string, count: number, without: readonly number[]])[] = [
  ['CL', 20, []],
  ['AD', 6, []],
  ['AR', 11, []],
  ['CS', 31, []],
  ['PM', 12, [4, 5, 6]],
  ['NX', 10, [3, 5]]
]

interface Row {
  readonly lines: readonly string[]
  readonly file: string
  readonly test: string
}

async function rows(): Promise<readonly Row[]> {
  const readme = await readFile(`${root}e2e/README.md`, 'utf8')
  return [...readme.matchAll(/^\| ([^|]+?) +\| `([^`|]+\.ts)` +\| (.+?) +\|$/gm)].map(
    ([, lines = '', file = '', test = '']) => ({ lines: linesOf(lines), file, test })
  )
}

/** `CS-17 to CS-19, CS-21` as single lines. */
function linesOf(text: string): readonly string[] {
  return text.split(', ').flatMap((part) => {
    const [, name = '', from = '', to = from] = /^([A-Z]+)-(\d+)(?: to [A-Z]+-(\d+))?$/.exec(part) ?? []
    const count = Number(to) - Number(from) + 1
    return Array.from({ length: count }, (_, index) => `${name}-${(Number(from) + index).toString()}`)
  })
}

describe('the acceptance list in e2e/README.md', () => {
  it('names tests that exist', async () => {
    for (const { file, test } of await rows()) {
      expect(await readFile(`${root}${file}`, 'utf8'), `${file}: ${test}`).toContain(test)
    }
  })

  it('has every line', async () => {
    const found = new Set((await rows()).flatMap(({ lines }) => lines))
    const wanted = parts.flatMap(([name, count, without]) =>
      Array.from({ length: count }, (_, index) => index + 1)
        .filter((line) => !without.includes(line))
        .map((line) => `${name}-${line.toString()}`)
    )
    expect(wanted.filter((line) => !found.has(line))).toEqual([])
  })
})
