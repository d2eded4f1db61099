import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newFolder, runService, type Done } from './run.fixture.ts'

interface Recorded {
  readonly id: string
  readonly argv: readonly string[]
  readonly stdin?: string
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}
const vectors = new URL('../../../../packages/testing/vectors/cli/', import.meta.url)
const dump = (name: string): string => fileURLToPath(new URL(`state-export/${name}`, vectors))
const recorded = JSON.parse(readFileSync(new URL('outputs.json', vectors), 'utf8')) as readonly Recorded[]
const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .sort()

let folder: string
let data: string
const zone = process.env['TZ']
beforeAll(async () => {
  process.env['TZ'] = 'UTC'
  folder = await newFolder()
  data = await mkdtemp(join(tmpdir(), 'service-data-'))
  await writeFile(join(data, 'bad.json'), 'nope\n')
  await writeFile(join(data, 'full.jsonl'), readFileSync(dump('full.import.jsonl')))
  await writeFile(join(data, 'importState'), record('svc-import-stdin').stdin ?? '')
})
afterEach(() => {
  process.env['TZ'] = 'UTC'
})
afterAll(async () => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
  await Promise.all([folder, data].map((path) => rm(path, { recursive: true })))
})

function record(id: string): Recorded {
  const found = recorded.find((one) => one.id === id)
  if (found === undefined) throw new Error(`no record ${id}`)
  return found
}
const here = (text: string): string => text.replaceAll('/CFG', folder).replaceAll('/DATA', data)
/** Does what was recorded. */
async function repeat(id: string): Promise<{ done: Done; wanted: Recorded }> {
  const { argv, stdin, ...rest } = record(id)
  const wanted = {
    ...rest,
    argv,
    stderr: here(rest.stderr).replaceAll(/^<LOGTIME>.*\n?/gm, ''),
    stdout: here(rest.stdout)
  }
  return { done: await runService(argv.map(here), stdin ?? ''), wanted }
}
/** Does it and compares everything but the log. */
async function same(...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { done, wanted } = await repeat(id)
    expect([id, done.exit, done.stdout, done.stderr]).toEqual([id, wanted.exit, wanted.stdout, wanted.stderr])
  }
}

describe('cli/outputs.json: state', () => {
  it('of an empty peer', async () => {
    await same('svc-export-empty', 'svc-crdt-info', 'svc-crdt-dot', 'svc-mark-dirty', 'svc-crdt-info-dirty')
    await same('svc-mark-clean', 'svc-crdt-info', 'svc-cleanup', 'svc-cleanup-again', 'svc-cleanup-no')
  })

  it('of a full dump: the head of the import, its graph and the export are those of the Go peer', async () => {
    await same('svc-import-full', 'svc-crdt-info-full', 'svc-crdt-dot-full', 'svc-export-full', 'svc-export-file')
    expect(linesOf(readFileSync(join(data, 'out.json'), 'utf8'))).toEqual(
      linesOf(readFileSync(dump('full.export.jsonl'), 'utf8'))
    )
    await same('svc-import-no', 'svc-import-eof', 'svc-export-full')
  })

  it('exports times in the zone of the machine', async () => {
    process.env['TZ'] = 'Europe/Berlin'
    const { done } = await repeat('svc-export-full-tz')
    expect(linesOf(done.stdout)).toEqual(linesOf(readFileSync(dump('full.export.tz-europe-berlin.jsonl'), 'utf8')))
  })

  it('imports with overrides', async () => {
    await same('svc-import-overrides', 'svc-export-overrides')
    const { done } = await repeat('svc-export-overrides')
    expect(linesOf(done.stdout)).toEqual(linesOf(readFileSync(dump('overrides.export.jsonl'), 'utf8')))
  })

  it('takes what has no type and no depth for an ordinary pin', async () => {
    await same('svc-import-stdin')
    const { done } = await repeat('svc-export-sample')
    expect(linesOf(done.stdout).map((line) => JSON.parse(line) as object)).toMatchObject([
      { type: 'pin', max_depth: -1, mode: 'recursive', replication_factor_min: -1 }
    ])
  })

  it.each([
    ['svc-import-array', 'line 1: expected a pin as a JSON object, found "[{"'],
    ['svc-import-bad', 'line 1: expected a pin as a JSON object, found "nope"'],
    ['svc-import-badcid', 'line 1: cid: '],
    ['svc-import-old-cid', 'line 1: cid: a string was expected'],
    ['svc-import-nocid', 'line 1: pin without cid'],
    ['svc-import-then-garbage', 'expected a pin as a JSON object, found "garbage"']
  ])('refuses a bad dump and keeps what was there: %s', async (id, text) => {
    await same('svc-import-full')
    const { done } = await repeat(id)
    expect(done).toMatchObject({ exit: 1, stderr: expect.stringContaining('error importing state: ') as string })
    expect(done.stderr).toContain(text)
    expect(done.stderr.split('\n')).toHaveLength(2)
    await same('svc-export-full')
  })

  it('that goes wrong', async () => {
    await same('svc-import-missing', 'svc-export-badfile')
    await same('svc-clean', 'svc-state-nope', 'svc-state-version', 'svc-upgrade')
    const nowhere = await repeat('svc-state-export-nofolder')
    expect(nowhere.done.exit).toBe(1)
    expect(nowhere.done.stderr).toContain('error loading configurations: open /NOFOLDER2/service.json: no such file or')
    const help = await repeat('svc-state-none')
    expect(help.done.exit).toBe(0)
    expect(help.done.stdout).toContain('cleanup')
  })
})
