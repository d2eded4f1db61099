import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { different, kindOf, type Kind } from './recorded-kinds.fixture.ts'
import { allRecordedRuns, recordedRuns } from './recorded.fixture.ts'

/** Other programs, with the tests of their own. */
const others: Readonly<Record<string, string>> = {
  'ipfs-cluster-service': 'belongs to service; those with Raft come with Raft',
  'ipfs-cluster-follow': 'belongs to follow'
}
const runs = await recordedRuns()

describe('every recorded run', () => {
  it('is of this program, or of one that has tests of its own', async () => {
    const strangers = (await allRecordedRuns()).filter(
      ({ program }) => program !== 'ipfs-cluster-ctl' && !(program in others)
    )
    expect(strangers.map(({ id }) => id)).toEqual([])
    expect(runs.length).toBe(293)
  })

  it('is reproduced by one test, or listed with a reason', async () => {
    expect(runs.filter((recorded) => kindOf(recorded) === undefined).map(({ id }) => id)).toEqual([])
    const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith('.test.ts'))
    const texts = await Promise.all(files.map((name) => readFile(`${import.meta.dirname}/${name}`, 'utf8')))
    const asked = texts.flatMap((text) => [...text.matchAll(/runsOf\('(\w+)'\)/g)].map(([, kind]) => kind))
    const kinds = new Set(runs.map(kindOf))
    const elsewhere: readonly Kind[] = ['different', 'add']
    for (const kind of elsewhere) kinds.delete(kind)
    expect([...asked].sort()).toEqual([...kinds].sort())
  })

  it('of an add is run against a peer', async () => {
    const adds = new URL('../../../e2e/src/add-ctl.e2e.ts', import.meta.url)
    const pattern = /outputs\.filter\(\(\{ id \}\) => \/(.+?)\/\.test\(id\)\)/.exec(await readFile(adds, 'utf8'))?.[1]
    const taken = runs.filter(({ id }) => new RegExp(pattern ?? '(?!)').test(id)).map(({ id }) => id)
    expect(taken).toEqual(runs.filter((recorded) => kindOf(recorded) === 'add').map(({ id }) => id))
  })

  it('that is listed as different is there', () => {
    const ids = new Set(runs.map(({ id }) => id))
    expect(Object.keys(different).filter((id) => !ids.has(id))).toEqual([])
  })
})
