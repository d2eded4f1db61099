import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtIns } from './built-ins.ts'
import { loadPeerConfig } from './peer-config.ts'

interface Case {
  readonly base: string
  readonly section: string
  readonly set: Readonly<Record<string, unknown>>
  readonly error: string | null
  readonly log?: readonly string[]
}
interface Recorded {
  readonly cases: readonly Case[]
  readonly whole_file: readonly { readonly file: string; readonly text: string; readonly error: string }[]
}
const folder = new URL('../../testing/vectors/cli/', import.meta.url)
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
const recorded = read('validation.json') as Recorded
const base = JSON.stringify(read('init/crdt-leveldb.service.json'))

/** What there is nothing here to judge with. A component that is built in must not stand here. */
const absent: Readonly<Record<string, string>> = {
  'consensus.raft': 'the component is not built in yet',
  'observations.tracing': 'the component is not built in yet; the section is ignored with a warning'
}
/** Only Go reads these stores: whatever their options say, the program tells how to carry the pins over. */
const onlyGo = ['crdt-badger', 'crdt-badger3', 'crdt-pebble']
/** Rows of which ours differs on purpose, by their change, with what is right here. */
const differs: Readonly<Record<string, string>> = {
  // The reference ignores what it cannot read; cli-config.md says to report it.
  'consensus.crdt {"batching.max_batch_age":"x"}':
    'error parsing crdt.batching.max_batch_age: time: invalid duration "x"',
  'consensus.crdt {"repair_interval":"x"}': 'error parsing crdt.repair_interval: time: invalid duration "x"',
  'consensus.crdt {"rebroadcast_interval":"x"}': 'error parsing crdt.rebroadcast_interval: time: invalid duration "x"'
}

/** The component that a row is about, as `kind.name`. */
function subjectOf({ base: name, section, set }: Case): string {
  if (name.startsWith('raft-')) return 'consensus.raft'
  const [only] = Object.keys(set)
  return section === 'observations' && only === 'tracing' ? 'observations.tracing' : section
}
const labelOf = ({ section, set }: Case): string => `${section} ${JSON.stringify(set)}`
const isOnlyGo = (one: Case): boolean => onlyGo.includes(one.base)

function changed({ section, set }: Case): string {
  const json = JSON.parse(base) as Record<string, unknown>
  for (const [key, value] of Object.entries(set)) {
    const path = `${section}.${key}`.split('.').filter((part) => part !== '')
    const last = path.pop() ?? ''
    let place = json
    for (const part of path) place = (place[part] ??= {}) as Record<string, unknown>
    if (value === '(absent)') Reflect.deleteProperty(place, last)
    else place[last] = value
  }
  return JSON.stringify(json)
}

describe('the configuration of a whole peer, judged like the reference', () => {
  let baseDir: string
  beforeAll(async () => {
    baseDir = await mkdtemp(join(tmpdir(), 'recorded-'))
  })
  afterAll(() => rm(baseDir, { recursive: true }))

  /** The error of a file, and whether what it makes has a secret: a peer without one says so when it starts. */
  async function judge(text: string): Promise<{ error: string | null; isSecret: boolean }> {
    try {
      const { cluster } = await loadPeerConfig(text, baseDir, {}, builtIns)
      return { error: null, isSecret: cluster.secret !== undefined }
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
      return { error: (error as Error).message.replaceAll(baseDir, '/CFG'), isSecret: false }
    }
  }

  /** What is wrong with our answer, if anything. */
  async function complaint(one: Case): Promise<string | undefined> {
    const { error, isSecret } = await judge(changed(one))
    const said = differs[labelOf(one)] ?? one.error
    const got = `${labelOf(one)}: expected ${String(said)}, got ${String(error)}`
    if (said === null) {
      const isWarned = one.log?.some((line) => line.includes('Cluster secret is empty')) === true
      return error === null && isSecret === !isWarned ? undefined : got
    }
    const wanted = said.replace(/^error (loading configurations|creating state manager|exporting state): /, '')
    if (error === null) return got
    if (wanted.startsWith('json: ')) {
      // Go's words name its types; ours must name the option, or the section that is no object.
      const names = [...Object.keys(one.set).flatMap((key) => key.split('.')), ...one.section.split('.')]
      return names.some((name) => name !== '' && error.includes(name)) ? undefined : got
    }
    // A state command says these two; here they go on with what to do.
    const isStart = !said.startsWith('error loading') && one.error === said
    return error === wanted || (isStart && error.startsWith(`${wanted}: `)) ? undefined : got
  }

  const judged = recorded.cases.filter((one) => absent[subjectOf(one)] === undefined && !isOnlyGo(one))
  it.each([...new Set(judged.map(({ section }) => section))])('section "%s"', async (section) => {
    const complaints: string[] = []
    for (const one of judged.filter((each) => each.section === section)) {
      const wrong = await complaint(one)
      if (wrong !== undefined) complaints.push(wrong)
    }
    expect(complaints).toEqual([])
  })

  it.each(onlyGo)('%s is refused with the commands that carry its pins over', async (name) => {
    expect(recorded.cases.filter((one) => one.base === name).length).toBeGreaterThan(17)
    const store = name.replace('crdt-', '')
    const json = { ...(JSON.parse(base) as object), datastore: { [store]: {} } }
    const { error } = await judge(JSON.stringify(json))
    expect(error).toContain(`${store} can be read by the Go program only`)
    expect(error).toContain('-c /CFG state export -f pins.json')
    expect(error).toContain('-c /CFG state import -f pins.json')
  })

  it('leaves no row out but those of components that are not built in, and names them', () => {
    const left = new Set(recorded.cases.filter((one) => !judged.includes(one) && !isOnlyGo(one)).map(subjectOf))
    expect([...left].sort()).toEqual(Object.keys(absent))
    const here = Object.entries(builtIns).flatMap(([kind, list]) => list.map(({ name }) => `${kind}.${name}`))
    expect(Object.keys(absent).filter((name) => here.includes(name))).toEqual([])
    const labels = recorded.cases.map(labelOf)
    expect(Object.keys(differs).filter((label) => !labels.includes(label))).toEqual([])
    expect(judged.length).toBeGreaterThan(500)
  })

  it.each(recorded.whole_file)('a file that is $file', async ({ text, error }) => {
    const wanted = error.replace('error loading configurations: ', '')
    const { error: said } = await judge(text)
    // Go's words name its types: ours must name the place.
    if (wanted.startsWith('json: ')) expect(said).toMatch(/^(service\.json|source): /)
    else expect(said).toBe(wanted)
  })
})
