import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runsOf } from './recorded-kinds.fixture.ts'
import { recordedRuns, RecordedServer, run } from './recorded.fixture.ts'

const metrics = await runsOf('metrics')
const bandwidth = await runsOf('bandwidth')
const graphs = await runsOf('graph')
const server = new RecordedServer()
let host = ''

beforeAll(async () => {
  host = `/ip4/127.0.0.1/tcp/${(await server.start()).toString()}`
})
afterAll(() => server.stop())

const atTest = (argv: readonly string[]): string[] => argv.map((word, at) => (argv[at - 1] === '--host' ? host : word))

const SECONDS: Readonly<Record<string, number>> = { second: 1, seconds: 1, minute: 60, minutes: 60, hours: 3600 }
const UNITS = ['B', 'kB', 'MB', 'GB']

/** An instant of which the text is said now, and for the next half second, in nanoseconds. */
function instantOf(text: string): number {
  const [, count = '', unit = '', side] = /^(\d+) (\w+) (ago|from now)$/.exec(text) ?? expect.unreachable(text)
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN)
  const ms = Date.now() + (side === 'ago' ? -seconds * 1000 - 100 : seconds * 1000 + 900)
  return ms * 1e6
}

/** A number of bytes with this text. */
function bytesOf(text: string): number {
  const [count = '', unit = ''] = text.trim().split(' ')
  return Math.round(Number(count) * 1000 ** UNITS.indexOf(unit))
}

function metricOf(line: string): object {
  const [, peer, name, value, expire] = /^(\S+) \| (.*?): (.*) \| Expires in: (.*)$/.exec(line) ?? []
  const weight = name === 'freespace' ? bytesOf(value ?? '') : 0
  return { peer, name, value: name === 'freespace' ? '' : value, weight, expire: instantOf(expire ?? ''), valid: true }
}

function alertOf(line: string): object {
  const [, peer, name, expired, triggered] = /^(\S+): (.*)\. Expired at: (.*)\. Triggered at: (.*)$/.exec(line) ?? []
  const at = new Date(instantOf(triggered ?? '') / 1e6).toISOString()
  return { peer, name, expire: instantOf(expired ?? ''), triggered_at: at }
}

describe('metrics and alerts, byte for byte', () => {
  it.each(metrics)('$id', async ({ argv, stdout }) => {
    const lines = stdout.trimEnd() === '' ? [] : stdout.trimEnd().split('\n')
    server.handler = (_, response) => {
      response.end(JSON.stringify(lines.map(argv.includes('alerts') ? alertOf : metricOf)))
    }
    expect(await run(atTest(argv))).toEqual({ stdout, stderr: '', exit: 0 })
  })

  it('names of metrics are those of the reference, sorted', async () => {
    const recorded = (await recordedRuns()).filter(({ id }) => /^live-metrics(?:-json)?$/.test(id))
    expect(recorded).toHaveLength(2)
    for (const { argv, stdout } of recorded) {
      const names = stdout.match(/[a-z:]+/g) ?? []
      server.handler = (_, response) => response.end(JSON.stringify(names))
      const result = await run(atTest(argv))
      expect(result.stdout.match(/[a-z:]+/g)).toEqual(names.sort())
      expect(result.stdout.length).toBe(stdout.length)
    }
  })
})

describe('traffic, byte for byte', () => {
  it.each(bandwidth)('$id', async ({ argv, stdout }) => {
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, protocol = '', totalIn = '', totalOut = '', rateIn, rateOut] =
          /^ *(\S*): In: (.*)\. Out: (.*)\. RateIn: (.*)B\/s\. RateOut: (.*)B\/s$/.exec(line) ??
          expect.unreachable(line)
        const total = { total_in: bytesOf(totalIn), total_out: bytesOf(totalOut) }
        return [protocol, { ...total, rate_in: Number(rateIn), rate_out: Number(rateOut) }] as const
      })
    server.handler = (_, response) => response.end(JSON.stringify(Object.fromEntries(entries.reverse())))
    expect(await run(atTest(argv))).toEqual({ stdout, stderr: '', exit: 0 })
  })
})

/** The graph of which this is the text, with its keys the other way round. */
function graphOf(dot: string): object {
  const vertex =
    /^([CTI]\d+) \[label=< <B> (.*) <\/B> <BR\/> <B> (\S+) <\/B> > group="(\S+)" .*?( peripheries="2")? \]$/gm
  const vertices = [...dot.matchAll(vertex)].map(([, id = '', name = '', short, group = '', self]) => {
    return { id, name, group, isMissing: short === 'Errored', isSelf: self !== undefined }
  })
  const groups = new Map(vertices.filter(({ isMissing }) => !isMissing).map(({ id, group }) => [id, group]))
  const linksOf = (from: RegExp, to: RegExp): [string, string[]][] =>
    vertices
      .filter(({ id, isMissing }) => from.test(id) && !isMissing)
      .map(({ id, group }): [string, string[]] => {
        const targets = [...dot.matchAll(/^(\w+) -> (\w+)$/gm)].filter(([, a = '', b = '']) => a === id && to.test(b))
        return [group, targets.map(([, , b = '']) => groups.get(b) ?? '')]
      })
      .reverse()
  const cluster = vertices.filter(({ id }) => !id.startsWith('I'))
  const daemons = linksOf(/^[CT]/, /^I/).flatMap(([peer, [ipfs]]) =>
    ipfs === undefined || ipfs === '' ? [] : [[peer, ipfs]]
  )
  return {
    cluster_id: cluster.find(({ isSelf }) => isSelf)?.group,
    id_to_peername: Object.fromEntries(cluster.map(({ group, name }) => [group, name])),
    ipfs_links: Object.fromEntries(linksOf(/^I/, /^I/)),
    cluster_links: Object.fromEntries(linksOf(/^[CT]/, /^[CT]/)),
    cluster_trust_links: Object.fromEntries(cluster.map(({ id, group }) => [group, id.startsWith('T')])),
    cluster_to_ipfs: Object.fromEntries(daemons) as object
  }
}

describe('graphs, byte for byte', () => {
  it.each(graphs)('$id', async ({ argv, stdout }) => {
    const graph = JSON.stringify(graphOf(stdout))
    server.handler = (_, response) => response.end(graph)
    expect(await run(atTest(argv))).toEqual({ stdout, stderr: '', exit: 0 })
  })
})
