import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { createLogging, parseLogLevels } from '@cluster/observability'
import { openOfflineState } from '@cluster/peer'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFolder } from '../load-folder.ts'
import { newFolder, runService } from './run.fixture.ts'

const logging = createLogging({
  levels: parseLogLevels('error'),
  format: 'nocolor',
  output: { write: () => undefined }
})
const cids = [
  'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq',
  'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'
]
const dump = cids.map((cid) => `{"cid":"${cid}","name":"n","timestamp":"2025-01-01T00:00:00Z"}\n`).join('')
let folder: string
beforeAll(async () => {
  folder = await newFolder()
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})
const state = (...args: readonly string[]): readonly string[] => ['-c', folder, 'state', ...args]

describe('state', () => {
  it('is refused while something else has the folder', async () => {
    const running = await openOfflineState({ ...(await loadFolder(folder, {})), logging })
    for (const args of [['export'], ['cleanup', '-f'], ['import', '-f'], ['crdt', 'info'], ['compact']]) {
      const done = await runService(state(...args))
      expect(done).toMatchObject({ exit: 1, stdout: '' })
      expect(done.stderr).toMatch(/^error obtaining execution lock: .*in use by another process.*\n$/)
    }
    await running.close()
    expect(await runService(state('export'))).toMatchObject({ exit: 0 })
  })

  it('says in one line what is wrong with a damaged store, where, and what to do', async () => {
    expect((await runService(state('import', '-f'), dump)).exit).toBe(0)
    const { config } = await loadFolder(folder, {})
    const values = config.components.datastore[0]?.config as { folder: string }
    const store = await LevelPeerDatastore.open(join(folder, values.folder))
    for await (const key of store.queryKeys({ prefix: '/c/h/' })) await store.put(key, new Uint8Array())
    await store.close()
    const done = await runService(state('crdt', 'info'))
    expect(done.exit).toBe(1)
    expect(done.stderr).toMatch(/^error reading state: .*\/c\/h\/CIQ\w+ .*state cleanup.*\n$/)
    const saved = await runService(state('export'))
    expect(saved).toMatchObject({ exit: 0, logs: expect.stringContaining('the store is damaged') as string })
    expect(saved.stdout.split('\n')).toHaveLength(3)
    expect((await runService(state('cleanup', '-f'))).exit).toBe(0)
    expect(await runService(state('export'))).toMatchObject({ exit: 0, stdout: '' })
  })

  it('is not replaced when Ctrl-C comes in the middle of an import', async () => {
    expect((await runService(state('import', '-f'), dump)).exit).toBe(0)
    const { stdout: before } = await runService(state('export'))
    const waiting = Promise.withResolvers<undefined>()
    const first = Buffer.from(dump.slice(0, dump.indexOf('\n') + 1))
    let reads = 0
    const typing = new Readable({
      read() {
        reads += 1
        if (reads === 1) this.push(first)
        else waiting.resolve(undefined)
      }
    })
    const importing = runService(state('import', '-f'), typing)
    await waiting.promise
    process.emit('SIGINT')
    const done = await importing
    expect(done).toMatchObject({ exit: 1, stderr: 'error importing state: interrupted: nothing was changed\n' })
    expect(await runService(state('export'))).toMatchObject({ exit: 0, stdout: before })
    expect(process.listeners('SIGINT')).toHaveLength(0)
  })

  it('is compacted to the digest that all peers print, and to no other', async () => {
    const lines = dump.split('\n').toReversed().join('\n')
    expect((await runService(state('import', '-f'), lines)).exit).toBe(0)
    const { stdout: before } = await runService(state('export'))
    const printed = await runService(state('compact'))
    expect(printed).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^baf\w+\n$/) as string })
    expect(printed.logs).toContain('nothing was changed. The history would become 2 pins in 1 blocks')
    const wrong = await runService(state('compact', '--expect', 'bafyother'))
    expect(wrong).toMatchObject({ exit: 1, stdout: '' })
    const digest = printed.stdout.trim()
    expect(wrong.stderr).toBe(
      `error compacting state: the pinset of this peer would give ${digest}, not bafyother: ` +
        'all peers must be synced and stopped\n'
    )
    expect((await runService(state('crdt', 'info'))).stdout).not.toContain(digest)
    expect(await runService(state('compact', '--expect', digest))).toMatchObject({ exit: 0, stdout: `${digest}\n` })
    expect((await runService(state('crdt', 'info'))).stdout).toContain(`Heads: [${digest}]`)
    expect((await runService(state('export'))).stdout).toBe(before)
  })

  it('is exported to a file, and imported from it', async () => {
    const file = join(folder, 'dump.jsonl')
    await writeFile(file, 'something longer that is replaced\n'.repeat(100))
    expect((await runService(state('export', '--file', file))).exit).toBe(0)
    const { stdout: before } = await runService(state('export'))
    expect(await runService(state('import', '-f', file))).toMatchObject({ exit: 0, stdout: '' })
    expect((await runService(state('export'))).stdout).toBe(before)
    const graph = join(folder, 'graph.dot')
    expect((await runService(state('crdt', 'dot', '--file', graph))).exit).toBe(0)
    expect((await runService(state('crdt', 'dot', '-f', join(folder, 'no', 'where')))).stderr).toMatch(
      /^error creating output file: open .*: no such file or directory\n$/
    )
  })
})
