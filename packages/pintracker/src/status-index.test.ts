import { itemsOf, pinsetKey } from '@cluster/api'
import { MemoryDatastore, settle, testCid } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { describe, expect, it } from 'vitest'
import { decodeRecord, encodeRecord, type IndexRecord, type RecordState } from './index-record.ts'
import { cidOfKey, StatusIndex } from './status-index.ts'

const record = (state: RecordState, over: Partial<IndexRecord> = {}): IndexRecord => {
  const depth = state === 'pinned' ? { depth: -1 } : {}
  return { state, at: 5n, ...depth, attempts: 0, error: '', priority: false, ...over }
}
const keys = [1, 2, 3, 4].map((index) => pinsetKey(testCid(index))).sort() as [string, string, string, string]

describe('records', () => {
  it.each([
    record('pinned', { depth: 0, at: 2n ** 62n }),
    record('pinned', { depth: 1 }),
    record('lost'),
    record('remote'),
    record('unpin', { error: 'x', reason: 'disk_full' }),
    record('pin', { attempts: 3, error: 'nö', retryAtMs: 7, priority: true, isSlow: true, isAbsent: true })
  ])('read back as written', (each) => {
    expect(decodeRecord(encodeRecord(each))).toEqual(each)
  })

  it.each([
    '',
    '{}',
    '{"s":"what","t":"1"}',
    '{"s":"pin","t":"x"}',
    '{"s":"pin","t":1}',
    '{"s":"lost","t":"1"}',
    'null'
  ])('%j is none', (text) => {
    expect(decodeRecord(new TextEncoder().encode(text))).toBeUndefined()
  })
})

describe('StatusIndex', () => {
  const failures: unknown[] = []
  const open = (store: MemoryDatastore): StatusIndex => new StatusIndex(store, (error) => failures.push(error))
  const list = (index: StatusIndex, after?: string) => Array.fromAsync(itemsOf(index.scan(after, {})))

  it('reads what is not yet written, and writes what was set together in one go', async () => {
    const commits: [number, boolean][] = []
    const store = new MemoryDatastore({ onCommit: (operations, durable) => commits.push([operations.length, durable]) })
    const index = open(store)
    index.set(keys[0], record('pinned'))
    index.set(keys[1], record('lost'))
    expect(await index.get(keys[0], {})).toEqual(record('pinned'))
    await index.flush()
    index.set(keys[0], undefined)
    expect(await index.get(keys[0], {})).toBeUndefined()
    await index.flush()
    expect(await list(index)).toEqual([{ key: keys[1], record: record('lost') }])
    expect(commits).toEqual([
      [3, true],
      [1, false]
    ])
    expect(await list(open(store))).toEqual([{ key: keys[1], record: record('lost') }])
  })

  it('makes durable what is about to happen at IPFS, and what was found there', async () => {
    const durables: boolean[] = []
    const index = open(new MemoryDatastore({ onCommit: (_operations, durable) => durables.push(durable) }))
    const pinned = record('pinned')
    for (const each of [record('pin'), record('pin', { error: 'no' }), pinned, record('unpin'), undefined, pinned]) {
      index.set(keys[0], each)
      await index.flush()
    }
    expect(durables).toEqual([true, false, false, true, false, true])
  })

  it('lists in order, from behind a key on', async () => {
    const index = open(new MemoryDatastore())
    for (const key of keys.toReversed()) index.set(key, record('pinned'))
    await index.flush()
    expect((await list(index)).map(({ key }) => key)).toEqual(keys)
    expect((await list(index, keys[1])).map(({ key }) => key)).toEqual(keys.slice(2))
  })

  it('finds what is not just pinned without reading the rest', async () => {
    const scanned: string[] = []
    class Watched extends MemoryDatastore {
      override scan(...[range, options]: Parameters<MemoryDatastore['scan']>): ReturnType<MemoryDatastore['scan']> {
        scanned.push(range.gte.toString())
        return super.scan(range, options)
      }
    }
    const index = open(new Watched())
    const [pinned, lost, toDo, failed] = keys
    index.set(pinned, record('pinned'))
    index.set(lost, record('lost'))
    index.set(toDo, record('pin'))
    index.set(failed, record('unpin', { error: 'no' }))
    await index.flush()
    const keysOf = async (pages: ReturnType<StatusIndex['scan']>) =>
      (await Array.fromAsync(itemsOf(pages))).map(({ key }) => key)
    expect(await keysOf(index.scanFailed(undefined, {}))).toEqual([lost, failed])
    expect(await keysOf(index.scanFailed(lost, {}))).toEqual([failed])
    expect(await keysOf(index.scanToDo(undefined, {}))).toEqual([toDo])
    index.set(lost, record('pinned'))
    index.set(toDo, record('pin', { error: 'no' }))
    index.set(failed, undefined)
    await index.flush()
    expect(await keysOf(index.scanFailed(undefined, {}))).toEqual([toDo])
    expect(await keysOf(index.scanToDo(undefined, {}))).toEqual([])
    expect(new Set(scanned.map((gte) => gte.slice(0, 3)))).toEqual(new Set(['/e/', '/o/']))
  })

  it('removes marks that a power cut left over when it meets them, and no others', async () => {
    const store = new MemoryDatastore()
    const index = open(store)
    index.set(keys[0], record('pinned'))
    index.set(keys[1], record('lost'))
    await index.flush()
    const marks = ['/o/', '/e/'].flatMap((place) => keys.map((key) => new Key(place + key)))
    for (const mark of marks) store.put(mark, new Uint8Array())
    const failed = await Array.fromAsync(itemsOf(index.scanFailed(undefined, {})))
    expect(failed).toEqual([{ key: keys[1], record: record('lost') }])
    // one that is written at the same time
    index.set(keys[2], record('pin'))
    await Array.fromAsync(index.scanToDo(undefined, {}))
    await index.flush()
    expect(marks.filter((mark) => store.has(mark)).map(String)).toEqual([`/o/${keys[2]}`, `/e/${keys[1]}`])
  })

  it('reads a page of keys at once, what is not yet written too', async () => {
    const store = new MemoryDatastore()
    const index = open(store)
    index.set(keys[0], record('pinned'))
    await index.flush()
    index.set(keys[1], record('lost'))
    const expected = [record('pinned'), record('lost'), undefined]
    expect(await index.getMany(keys.slice(0, 3), {})).toEqual(expected)
    const slow = open(Object.assign(store, { readMany: undefined }))
    await index.flush()
    expect(await slow.getMany(keys.slice(0, 3), {})).toEqual(expected)
  })

  it('waits for one CID only until it is written', async () => {
    const index = open(new MemoryDatastore())
    await index.written(keys[0])
    index.set(keys[0], record('pin'))
    expect(index.isBehind).toBe(false)
    await index.written(keys[0])
    expect(await Array.fromAsync(itemsOf(index.scan(undefined, {})))).toHaveLength(1)
  })

  it('takes an entry that is damaged for none', async () => {
    const store = new MemoryDatastore()
    store.put(new Key(`/r/${keys[0]}`), Uint8Array.of(1, 2, 3))
    const index = open(store)
    expect(await index.get(keys[0], {})).toBeUndefined()
    expect(await list(index)).toEqual([])
  })

  it('says when it cannot write, keeps what it could not write, and writes it later', async () => {
    let broken = true
    const store = new MemoryDatastore({
      onCommit: () => {
        if (broken) throw new Error('disk full')
      }
    })
    const index = open(store)
    index.set(keys[0], record('pinned'))
    await settle()
    expect(failures).toEqual([expect.objectContaining({ code: 'STORAGE', message: 'disk full' })])
    await expect(index.flush()).rejects.toThrow('disk full')
    expect(await index.get(keys[0], {})).toEqual(record('pinned'))
    broken = false
    index.set(keys[1], record('pinned'))
    await index.flush()
    expect(store.size).toBe(2)
  })

  it('knows the CID of a key', () => {
    expect(cidOfKey(pinsetKey(testCid(1)))).toEqual(testCid(1))
    expect(() => cidOfKey('22')).toThrow()
  })
})
