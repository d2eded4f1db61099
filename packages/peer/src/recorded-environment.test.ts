import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtIns } from './built-ins.ts'
import { initFolder } from './init-folder.ts'

interface Outcome {
  readonly exit: number
  readonly changed?: Readonly<Record<string, unknown>>
  readonly stderr?: string
}
interface Run extends Outcome {
  readonly label: string
  readonly section: string
  readonly env: Readonly<Record<string, string>>
  readonly identity?: { readonly id: string; readonly private_key: string }
}
type Field = Record<'value' | 'empty' | 'bad', Outcome & { readonly set: string }> & {
  readonly env: string
  readonly section: string
}
type Special = Omit<Run, 'label' | 'section'> & { readonly desc: string; readonly args: readonly string[] }
const vector = new URL('../../testing/vectors/cli/env.json', import.meta.url)
const recorded = JSON.parse(readFileSync(vector, 'utf8')) as {
  readonly fields: readonly Field[]
  readonly special: readonly Special[]
}

/** Components that there is nothing here for; one that is built in must not stand here. */
const absent = [
  'consensus.raft', // not built in yet
  'datastore.badger', // only Go reads these three
  'datastore.badger3',
  'datastore.pebble',
  'observations.tracing' // not built in yet
]
/** Where ours differs on purpose: what is right here. */
const differs: Readonly<Record<string, string>> = {
  // The reference ignores what it cannot read; cli-config.md says to report it.
  CLUSTER_CRDT_BATCHING_MAXBATCHAGE: 'error parsing crdt.batching.max_batch_age: time: invalid duration "x y"',
  CLUSTER_CRDT_REPAIRINTERVAL: 'error parsing crdt.repair_interval: time: invalid duration "x y"',
  CLUSTER_CRDT_REBROADCASTINTERVAL: 'error parsing crdt.rebroadcast_interval: time: invalid duration "x y"'
}

function sectionOf({ env, args }: Special): string {
  if (args.includes('pebble')) return 'datastore.pebble'
  return 'CLUSTER_TRACING_SAMPLINGPROB' in env ? 'observations.tracing' : 'special'
}
const runs: readonly Run[] = [
  ...recorded.fields.flatMap(({ env, section, ...outcomes }) =>
    (['value', 'empty', 'bad'] as const).map((kind) => {
      const { set, ...outcome } = outcomes[kind]
      return { label: `${env}=${set}`, section, env: { [env]: set }, ...outcome }
    })
  ),
  ...recorded.special.map((one) => ({ label: one.desc, section: sectionOf(one), ...one }))
]
const judged = runs.filter(({ section }) => !absent.includes(section))

/** Values by path; empty objects and lists are values. */
function flat(json: unknown, path = '', out = new Map<string, unknown>()): Map<string, unknown> {
  const isInner = typeof json === 'object' && json !== null && !Array.isArray(json) && Object.keys(json).length > 0
  if (!isInner) return out.set(path, json)
  for (const [key, value] of Object.entries(json)) flat(value, path === '' ? key : `${path}.${key}`, out)
  return out
}

/** The recorded text, as it is here: nothing secret is repeated, and files are those of the folder. */
function expectedError({ env, stderr = '' }: Run): string {
  const [name = ''] = Object.keys(env)
  const text = stderr.replace('error applying environment variables to configuration: ', '')
  if (name.endsWith('BASICAUTHCREDENTIALS')) {
    return text.replace(/converting '.*?' to/, "converting 'XXX_hidden_XXX' to").replace(/(invalid map item): .*/, '$1')
  }
  return text
    .replace(/^(error loading TLS certificate\/key: open )/, '$1/CFG/')
    .replace('/CFG/:', '/CFG:')
    .replace('/ :', ':')
}

describe('what each variable of the environment does to a new folder', () => {
  let root: string
  let plain: Map<string, unknown>

  async function write(env: Readonly<Record<string, string>>) {
    const baseDir = join(root, 'peer')
    await rm(baseDir, { recursive: true, force: true })
    const done = await initFolder({ baseDir, builtIns, secret: '0'.repeat(64), env })
    return {
      values: flat(JSON.parse(await readFile(done.servicePath, 'utf8'))),
      identity: JSON.parse(await readFile(done.identityPath, 'utf8')) as unknown
    }
  }

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'environment-'))
    plain = (await write({})).values
  })
  afterAll(() => rm(root, { recursive: true }))

  async function failureOf(run: Run): Promise<string | undefined> {
    try {
      await write(run.env)
      return undefined
    } catch (error) {
      return (error as Error).message.replaceAll(join(root, 'peer'), '/CFG')
    }
  }

  function changes(values: Map<string, unknown>): Record<string, unknown> {
    const paths = [...new Set([...values.keys(), ...plain.keys()])]
    const differing = paths.filter((path) => JSON.stringify(values.get(path)) !== JSON.stringify(plain.get(path)))
    return Object.fromEntries(differing.map((path) => [path, values.has(path) ? values.get(path) : '<absent>']))
  }

  it.each([...new Set(judged.map(({ section }) => section))])('section "%s"', async (section) => {
    for (const run of judged.filter((one) => one.section === section)) {
      const [name = ''] = Object.keys(run.env)
      const other = run.label.endsWith('=x y') ? differs[name] : undefined
      if (run.exit !== 0 || other !== undefined) {
        expect({ [run.label]: await failureOf(run) }).toEqual({ [run.label]: other ?? expectedError(run) })
        continue
      }
      const { values, identity } = await write(run.env)
      // The empty name is the host's: the recording wrote its own over the placeholder.
      const wanted = Object.entries(run.changed ?? {}).filter(
        ([path, value]) => path !== 'cluster.peername' || value !== 'vm'
      )
      expect({ [run.label]: changes(values) }).toEqual({ [run.label]: Object.fromEntries(wanted) })
      if (run.identity !== undefined) expect(identity).toEqual(run.identity)
      if (run.label === 'CLUSTER_PEERNAME=') expect(values.get('cluster.peername')).toBe(hostname())
    }
  })

  it('leaves no row out but those of components that are not built in', () => {
    const left = new Set(runs.filter((run) => !judged.includes(run)).map(({ section }) => section))
    expect([...left].sort()).toEqual(absent)
    const here = Object.entries(builtIns).flatMap(([kind, list]) => list.map(({ name }) => `${kind}.${name}`))
    expect(absent.filter((name) => here.includes(name))).toEqual([])
    expect(judged.length).toBeGreaterThan(480)
  })
})
