import { copyFile, mkdir, mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RaftError } from '../errors.ts'
import { openFolder, type Folder } from './files.ts'
import { batchLength, SEGMENT_HEAD } from './frames.ts'
import { testEntry } from './log-conformance.fixture.ts'
import { SegmentLog } from './segment-log.ts'

let path: string
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'raft-damage-'))
})
afterEach(async () => {
  await rm(path, { recursive: true, force: true })
})

const SEGMENT_BYTES = 4096

async function openLog(folder = path): Promise<SegmentLog> {
  return SegmentLog.open(await openFolder(folder), { segmentBytes: SEGMENT_BYTES })
}

async function segments(): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.endsWith('.seg')).sort()
}

/** Three batches: entry 1, entries 2 and 3, entry 4. Returns where each of them begins, and the end. */
async function threeBatches(): Promise<readonly [number, number, number, number]> {
  const log = await openLog()
  const batches = [[testEntry(1, 1)], [testEntry(2, 1), testEntry(3, 2)], [testEntry(4, 2)]]
  for (const batch of batches) await log.append(batch)
  await log.close()
  const [a = 0, b = 0, c = 0] = batches.map((batch) => batchLength(batch, undefined))
  return [SEGMENT_HEAD, SEGMENT_HEAD + a, SEGMENT_HEAD + a + b, SEGMENT_HEAD + a + b + c]
}

/** Changes bytes of the only segment. */
async function damage(position: number, bytes: (before: number) => number, length = 1): Promise<void> {
  const [name = ''] = await segments()
  const file = await open(join(path, name), 'r+')
  const block = Buffer.alloc(length)
  await file.read(block, 0, length, position)
  await file.write(block.map(bytes), 0, length, position)
  await file.close()
}

test('a last batch that is torn at any byte is dropped, and what follows is sound', async () => {
  const [, , begin, end] = await threeBatches()
  const [name = ''] = await segments()
  for (let cut = begin; cut < end; cut++) {
    const copy = join(path, `copy-${cut}`)
    await mkdir(copy)
    for (const file of await readdir(path)) {
      if ((await stat(join(path, file))).isFile()) await copyFile(join(path, file), join(copy, file))
    }
    const file = await open(join(copy, name), 'r+')
    await file.write(Buffer.alloc(end - cut), 0, end - cut, cut)
    await file.close()
    const log = await openLog(copy)
    // zeros at the end of the batch may be what was there
    const isWhole = log.lastIndex === 4
    if (!isWhole) expect(log.lastIndex).toBe(3)
    await log.append([testEntry(log.lastIndex + 1, 9)])
    await log.close()
    const again = await openLog(copy)
    expect(again.terms().at(-1)).toEqual({ from: isWhole ? 5 : 4, term: 9 })
    await again.close()
    await rm(copy, { recursive: true })
  }
})

test('a flipped bit in a batch that had been synced is damage, not a torn end', async () => {
  const [begin, second, third] = await threeBatches()
  for (const position of [begin + 20, second - 5, second + 3, third - 1]) {
    await damage(position, (byte) => byte ^ 4)
    await expect(openLog()).rejects.toMatchObject({ code: 'RAFT_CORRUPT' })
    await damage(position, (byte) => byte ^ 4)
  }
  const log = await openLog()
  expect(log.lastIndex).toBe(4)
  await log.close()
})

test('what a torn batch left does not come back', async () => {
  const [, , , end] = await threeBatches()
  await damage(end - 1, (byte) => byte ^ 1)
  const log = await openLog()
  expect(log.lastIndex).toBe(3)
  await log.close()
  await damage(end - 1, (byte) => byte ^ 1)
  const again = await openLog()
  expect(again.lastIndex).toBe(3)
  await again.close()
})

describe('a log of several segments', () => {
  beforeEach(async () => {
    const log = await openLog()
    for (let index = 1; index <= 60; index++) await log.append([testEntry(index, 1, 'x'.repeat(100))])
    await log.close()
    expect((await segments()).length).toBeGreaterThan(2)
  })

  test('is not opened without one of them', async () => {
    const [, name = ''] = await segments()
    await rm(join(path, name))
    await expect(openLog()).rejects.toThrow(/the file is missing/)
  })

  test('is not opened when one is cut off', async () => {
    const [name = ''] = await segments()
    await truncate(join(path, name), 1000)
    await expect(openLog()).rejects.toMatchObject({ code: 'RAFT_CORRUPT' })
  })

  test('is not opened when a bit is flipped anywhere in an older one', async () => {
    for (const position of [3, SEGMENT_HEAD + 1, 500, 2000]) {
      await damage(position, (byte) => byte ^ 128)
      await expect(openLog()).rejects.toMatchObject({ code: 'RAFT_CORRUPT' })
      await damage(position, (byte) => byte ^ 128)
    }
  })

  test('forgets segments that are not needed', async () => {
    const before = await segments()
    const log = await openLog()
    await log.truncateHead(59)
    await log.close()
    expect((await segments()).length).toBeLessThan(before.length)
    const again = await openLog()
    expect([again.firstIndex, again.lastIndex]).toEqual([60, 60])
    await again.close()
  })

  test('is not opened without its manifest', async () => {
    const log = await openLog()
    await log.setStable({ term: 3, voteTerm: 0, vote: '' })
    await log.close()
    for (const name of ['manifest.a', 'manifest.b']) await rm(join(path, name))
    await expect(openLog()).rejects.toThrow('the manifest of the log is missing')
  })
})

test('one of the two records of term and vote is enough, none is not', async () => {
  const log = await openLog()
  for (const term of [1, 2, 3]) await log.setStable({ term, voteTerm: term, vote: `v${term}` })
  await log.close()
  await truncate(join(path, 'stable.a'), 5)
  const again = await openLog()
  expect(again.getStable()).toEqual({ term: 2, voteTerm: 2, vote: 'v2' })
  await again.close()
  await truncate(join(path, 'stable.b'), 5)
  await expect(openLog()).rejects.toMatchObject({ code: 'RAFT_CORRUPT' })
})

/** A folder whose files fail as told. */
async function failing(fails: { write?: Error; sync?: Error }): Promise<Folder> {
  const folder = await openFolder(path)
  return {
    ...folder,
    open: async (name) => {
      const file = await folder.open(name)
      return {
        read: (position, length) => file.read(position, length),
        write: (position, bytes) =>
          fails.write === undefined ? file.write(position, bytes) : Promise.reject(fails.write),
        sync: () => (fails.sync === undefined ? file.sync() : Promise.reject(fails.sync)),
        size: () => file.size(),
        close: () => file.close()
      }
    }
  }
}

test.for(['write', 'sync'] as const)('after a failed %s nothing is written any more', async (what) => {
  const fails: { write?: Error; sync?: Error } = {}
  const log = await SegmentLog.open(await failing(fails), { segmentBytes: SEGMENT_BYTES })
  await log.append([testEntry(1, 1)])
  fails[what] = new Error('EIO')
  await expect(log.append([testEntry(2, 1)])).rejects.toMatchObject({ code: 'RAFT_STORAGE_FAILED' })
  fails[what] = undefined as unknown as Error
  await expect(log.append([testEntry(2, 1)])).rejects.toMatchObject({ code: 'RAFT_STORAGE_FAILED' })
  await expect(log.setStable({ term: 9, voteTerm: 0, vote: '' })).rejects.toThrow('the log failed before')
  expect(log.lastIndex).toBe(1)
  await log.close()
})

test('a full disk is told, changes nothing, and is tried again', async () => {
  const told: boolean[] = []
  const fails: { write?: Error; sync?: Error } = {}
  const onRoom = (hasRoom: boolean): void => void told.push(hasRoom)
  const log = await SegmentLog.open(await failing(fails), { segmentBytes: SEGMENT_BYTES, onRoom })
  await log.append([testEntry(1, 1)])
  fails.write = Object.assign(new Error('full'), { code: 'ENOSPC' })
  const large = testEntry(2, 1, 'x'.repeat(SEGMENT_BYTES))
  await expect(log.append([large])).rejects.toSatisfy(
    (error) => error instanceof RaftError && error.code === 'RAFT_STORAGE_FULL'
  )
  delete fails.write
  await log.append([large])
  expect(log.lastIndex).toBe(2)
  await log.close()
})
