import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { votersOf } from '../configuration.ts'
import { Crc64 } from './crc64.ts'
import { decodeMeta, encodeMeta } from './meta.ts'
import { SnapshotFolder } from './snapshot-folder.ts'

interface Recorded {
  readonly name: string
  readonly metaJson: string
  readonly stateBinBase64: string
}

let path: string
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'raft-snapshots-'))
})
afterEach(async () => {
  await rm(path, { recursive: true, force: true })
})

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  for (const text of texts) yield new TextEncoder().encode(text)
}

async function textOf(data: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const bytes of data) text += new TextDecoder().decode(bytes)
  return text
}

const of = { index: 8, term: 2, configuration: votersOf(['A', 'B']), configurationIndex: 1 }

test('the sum is CRC-64/XZ, however the bytes are cut', () => {
  for (let cut = 0; cut <= 9; cut++) {
    const crc = new Crc64()
    crc.update(new TextEncoder().encode('123456789'.slice(0, cut)))
    crc.update(new TextEncoder().encode('123456789'.slice(cut)))
    expect(Buffer.from(crc.digest()).toString('hex')).toBe('995dc9bbdf1939fa')
  }
})

test('writes what the Go peer writes', async () => {
  const store = new SnapshotFolder(path, { nowMs: () => 1_795_246_260_961 })
  await store.write(of, pieces('x,p4,p1,p', '0,p2,p3'))
  expect(await readFile(join(path, '2-8-1795246260961', 'meta.json'), 'utf8')).toBe(
    '{"Version":1,"ID":"2-8-1795246260961","Index":8,"Term":2,"Peers":"kqFBoUI=","Configuration":{"Servers":[' +
      '{"Suffrage":0,"ID":"A","Address":"A"},{"Suffrage":0,"ID":"B","Address":"B"}]},"ConfigurationIndex":1,"Size":16,' +
      '"CRC":"YdbLeto1Ayc="}\n'
  )
})

test('keeps the newest ones, newest first', async () => {
  const store = new SnapshotFolder(path, { retained: 2, nowMs: () => 1 })
  for (const index of [5, 9, 7]) await store.write({ ...of, index }, pieces(`state ${index}`))
  const list = await store.list()
  expect(list.map(({ index }) => index)).toEqual([9, 7])
  expect(await textOf(store.open(list[0] ?? { ...of, id: '', size: 0 }))).toBe('state 9')
  // twice the same index, as after a restart
  await store.write({ ...of, index: 9 }, pieces('again'))
  expect((await store.list()).map(({ id }) => id)).toEqual(['2-9-2', '2-9-1'])
})

test('tells damaged data', async () => {
  const store = new SnapshotFolder(path)
  const snapshot = await store.write(of, pieces('some state'))
  await writeFile(join(path, snapshot.id, 'state.bin'), 'some stare')
  await expect(textOf(store.open(snapshot))).rejects.toMatchObject({ code: 'RAFT_CORRUPT' })
})

test('leaves nothing of what did not come whole', async () => {
  const store = new SnapshotFolder(path)
  await expect(store.write(of, pieces('half'), { size: 8 })).rejects.toMatchObject({ code: 'RAFT_BAD_MESSAGE' })
  await expect(new SnapshotFolder(path, { maxBytes: 3 }).write(of, pieces('four'))).rejects.toMatchObject({
    code: 'RAFT_TOO_LARGE'
  })
  expect(await readdir(path)).toEqual([])
})

test('passes over what is no snapshot', async () => {
  await mkdir(join(path, '1-2-3.tmp'))
  await mkdir(join(path, '1-2-4'))
  await mkdir(join(path, '1-2-5'))
  await writeFile(join(path, '1-2-5', 'meta.json'), '{"Version":9}')
  await writeFile(join(path, 'file'), '')
  expect(await new SnapshotFolder(path).list()).toEqual([])
})

describe('recorded snapshots', () => {
  const url = new URL('../../../testing/vectors/raft/snapshots.json', import.meta.url)
  const recorded = JSON.parse(readFileSync(url, 'utf8')) as { readonly snapshots: readonly Recorded[] }
  test.for(recorded.snapshots)('$name', (one) => {
    const meta = decodeMeta(one.metaJson)
    expect(meta).toBeDefined()
    if (meta === undefined) return
    const crc = new Crc64()
    const state = Buffer.from(one.stateBinBase64, 'base64')
    crc.update(state)
    expect(crc.digest()).toEqual(meta.crc)
    expect(state.length).toBe(meta.snapshot.size)
    expect(encodeMeta(meta).trimEnd()).toBe(one.metaJson.trimEnd())
  })
})
