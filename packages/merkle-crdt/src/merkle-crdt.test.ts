import { ManualClock, MemoryDatastore, memoryLogger, seededRandom, settle } from '@cluster/testing'
import { Key } from 'interface-datastore'
import type { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import {
  createNode,
  DagBlocks,
  decodeBroadcast,
  encodeBroadcast,
  MerkleCrdt,
  type CrdtChange,
  type CrdtOperation,
  type DeltaNode,
  type MerkleCrdtInit
} from './index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string, value: string): CrdtOperation => ({ type: 'put', key, value: bytes(value) })
const remove = (key: string): CrdtOperation => ({ type: 'delete', key })

interface Fixture {
  store: MerkleCrdt
  storage: MemoryDatastore
  clock: ManualClock
  /** Announcements sent, as lists of heads. */
  sent: string[][]
  /** Blocks that other peers have, and who asks for them. */
  remote: Map<string, Uint8Array>
  asked: string[]
  hear: (...heads: CID[]) => Promise<void>
  hearBytes: (data: Uint8Array) => Promise<void>
}
async function open(init: Partial<MerkleCrdtInit> & { storage?: MemoryDatastore } = {}): Promise<Fixture> {
  const storage = init.storage ?? new MemoryDatastore()
  const blocks = new DagBlocks(storage, '/c')
  const clock = new ManualClock()
  const sent: string[][] = []
  const remote = new Map<string, Uint8Array>()
  const asked: string[] = []
  const inbox: Uint8Array[] = []
  let wake = (): void => undefined
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks,
    clock,
    random: seededRandom(7),
    log: memoryLogger(),
    repairIntervalMs: 0,
    exchange: {
      put: (stored) => blocks.put(stored),
      createSession: () => ({
        close: () => undefined,
        get: async (cid, options) => {
          if (await blocks.has(cid)) return blocks.get(cid)
          asked.push(cid.toString())
          const found = remote.get(cid.toString())
          if (found !== undefined) {
            await blocks.put([{ cid, bytes: found }])
            return found
          }
          return new Promise((_resolve, reject) => {
            options?.signal?.addEventListener('abort', () => {
              reject(options.signal?.reason as Error)
            })
          })
        }
      })
    },
    broadcaster: {
      broadcast: (data) => {
        sent.push(decodeBroadcast(data).map(String))
        return Promise.resolve()
      },
      messages: async function* ({ signal }) {
        signal?.addEventListener('abort', () => {
          wake()
        })
        while (signal?.aborted !== true) {
          const data = inbox.shift()
          if (data !== undefined) yield data
          else {
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        }
      }
    },
    ...init
  })
  const hearBytes = async (data: Uint8Array): Promise<void> => {
    inbox.push(data)
    wake()
    await settle()
  }
  return {
    store,
    storage,
    clock,
    sent,
    remote,
    asked,
    hearBytes,
    hear: (...heads) => hearBytes(encodeBroadcast(heads))
  }
}
function node(priority: number, key: string, value: string, ...parents: DeltaNode[]): DeltaNode {
  const delta = { elements: [{ key, value: bytes(value) }], tombstones: [], priority: BigInt(priority) }
  return createNode(
    delta,
    parents.map(({ cid }) => cid)
  )
}
async function listed(store: MerkleCrdt, options = {}): Promise<string[]> {
  const keys: string[] = []
  for await (const page of store.list(options)) keys.push(...page.map(({ key }) => key))
  return keys
}

describe('local changes', () => {
  test('are there when the commit returns, announced once, and listed in key order', async () => {
    const { store, sent } = await open()
    await store.commit([put('/b', '2'), put('/a', '1')])
    expect(await store.get('/a')).toEqual(bytes('1'))
    expect(await store.get('a')).toEqual(bytes('1'))
    expect(await listed(store)).toEqual(['/a', '/b'])
    expect(await listed(store, { after: '/a' })).toEqual(['/b'])
    expect(await listed(store, { limit: 1 })).toEqual(['/a'])
    expect(await listed(store, { limit: 0 })).toEqual([])
    expect(sent).toHaveLength(1)
    expect(sent[0]).toEqual((await store.stats()).heads.map(String))
    await store.close()
  })

  test('of many callers at once make few blocks and one chain', async () => {
    const { store } = await open()
    await Promise.all(Array.from({ length: 200 }, (_, index) => store.commit([put(`/k${index}`, 'x')])))
    const { heads, maxHeight } = await store.stats()
    expect(heads).toHaveLength(1)
    expect(maxHeight).toBeLessThanOrEqual(2n)
    expect(await listed(store)).toHaveLength(200)
    await store.close()
  })

  test('a removal of what is not there makes no block and no announcement', async () => {
    const { store, sent } = await open()
    await store.commit([remove('/none')])
    expect((await store.stats()).heads).toEqual([])
    expect(sent).toEqual([])
    await store.close()
  })

  test('of one key in one commit: the last counts, and no key comes twice', async () => {
    const { store, storage } = await open()
    await store.commit([put('/a', '1')])
    await store.commit([remove('/a'), put('/a', '2'), put('/b', '1'), remove('/b')])
    expect(await store.get('/a')).toEqual(bytes('2'))
    expect(await store.get('/b')).toBeUndefined()
    const tombstones: string[] = []
    for await (const key of storage.queryKeys({ prefix: '/c/s/t/' })) tombstones.push(key.toString())
    expect(tombstones).toHaveLength(1)
    await store.close()
  })

  test('a value that fits no block is refused; so is a commit after close', async () => {
    const { store } = await open()
    const huge = { type: 'put', key: '/a', value: new Uint8Array(1024 * 1024) } as const
    await expect(store.commit([huge])).rejects.toMatchObject({ code: 'ERR_CRDT_TOO_LARGE' })
    await store.close()
    await store.close()
    await expect(store.commit([put('/a', '1')])).rejects.toMatchObject({ code: 'ERR_CRDT_CLOSED' })
  })

  test('a write that fails is told to its caller and changes nothing', async () => {
    let isFull = false
    const storage = new MemoryDatastore({
      onCommit: () => {
        if (isFull) throw new Error('disk full')
      }
    })
    const { store, clock } = await open({ storage })
    await store.commit([put('/a', '1')])
    isFull = true
    await expect(store.commit([put('/a', '2')])).rejects.toThrow('disk full')
    expect(await store.get('/a')).toEqual(bytes('1'))
    isFull = false
    const later = store.commit([put('/a', '3')])
    await clock.advance(5000)
    await later
    expect(await store.get('/a')).toEqual(bytes('3'))
    expect((await store.stats()).maxHeight).toBe(2n)
    await store.close()
  })
})

describe('batching', () => {
  const batching = { maxSize: 3, maxAgeMs: 1000, maxQueue: 5 }

  test('behaviours.md CR-8: by age, and by number', async () => {
    const { store, clock, sent } = await open({ batching })
    await store.commit([put('/1', 'x')])
    await clock.advance(250)
    expect(await listed(store)).toEqual([])
    await clock.advance(1000)
    expect(await listed(store)).toEqual(['/1'])
    for (const key of ['/2', '/3', '/4', '/5']) await store.commit([put(key, 'x')])
    await clock.advance(250)
    expect(await listed(store)).toHaveLength(4)
    await clock.advance(1000)
    expect(await listed(store)).toHaveLength(5)
    expect(sent).toHaveLength(3)
    await store.close()
  })

  test('a full queue is refused with the text users know', async () => {
    const { store } = await open({ batching })
    const operations = ['/1', '/2', '/3', '/4', '/5', '/6'].map((key) => put(key, 'x'))
    await expect(store.commit(operations)).rejects.toMatchObject({
      code: 'ERR_CRDT_QUEUE_FULL',
      message: /^error batching item: batching max_queue_size reached\. /
    })
    await store.close()
  })

  test('what was acknowledged survives a crash before its block', async () => {
    const storage = new MemoryDatastore()
    const { store } = await open({ storage, batching })
    await store.commit([put('/1', 'x')])
    await store.commit([remove('/1')])
    await store.commit([put('/1', 'y')]).catch(() => undefined)
    // a second run over the same datastore, as after kill -9: the first one never made its block
    const copy = new MemoryDatastore()
    const crashed = await open({ storage: copy, batching: { ...batching, maxSize: 100 } })
    await crashed.store.commit([put('/k', '1'), put('/l', '2')])
    const third = new MemoryDatastore()
    for await (const { key, value } of copy.query({})) third.put(key, value)
    const again = await open({ storage: third, batching })
    await again.clock.advance(0)
    await again.store.idle()
    expect(await listed(again.store)).toEqual(['/k', '/l'])
    const journal: string[] = []
    for await (const key of third.queryKeys({ prefix: '/c/ts/q' })) journal.push(key.toString())
    expect(journal).toEqual([])
    for (const each of [store, crashed.store, again.store]) await each.close()
  })

  test('closing commits what waits, and announces nothing any more', async () => {
    const storage = new MemoryDatastore()
    const { store, sent } = await open({ storage, batching })
    await store.commit([put('/1', 'x')])
    await store.close()
    expect(sent).toEqual([])
    expect(storage.has(new Key('/c/bs'))).toBe(false)
    const { store: again } = await open({ storage })
    expect(await listed(again)).toEqual(['/1'])
    await again.close()
  })
})

describe('changes of others', () => {
  test('a head that nobody has holds up nothing, and is given up after its time', async () => {
    const { store, clock, remote, hear } = await open({ fetch: { headTimeoutMs: 1000 } })
    const good = node(1, '/a', '1')
    remote.set(good.cid.toString(), good.bytes)
    await hear(node(9, '/x', 'nobody has it').cid)
    await hear(good.cid)
    await settle()
    expect(await store.get('/a')).toEqual(bytes('1'))
    expect(await store.stats()).toMatchObject({ queuedJobs: 1, fetching: 1 })
    await clock.advance(1000)
    expect(await store.stats()).toMatchObject({ queuedJobs: 0, isDirty: false })
    await store.close()
  })

  test('many heads nobody has leave room, and the oldest give way', async () => {
    const { store, remote, hear } = await open({ fetch: { maxHeadFetches: 2, maxPendingHeads: 10 } })
    for (let index = 0; index < 50; index += 1) await hear(node(9, '/x', String(index)).cid)
    expect(await store.stats()).toMatchObject({ queuedJobs: 12, fetching: 2, pendingHeads: 10 })
    expect(remote.size).toBe(0)
    await store.close()
  })

  test('a missing block below a head is tried until it is there, also after a restart', async () => {
    const storage = new MemoryDatastore()
    const first = await open({ storage, fetch: { blockTimeoutMs: 1000 } })
    const root = node(1, '/a', 'root')
    const middle = node(2, '/b', 'middle', root)
    const head = node(3, '/c', 'head', middle)
    first.remote.set(head.cid.toString(), head.bytes)
    await first.hear(head.cid)
    await first.clock.advance(30_000)
    expect(await listed(first.store)).toEqual(['/c'])
    expect(first.asked.filter((cid) => cid === middle.cid.toString()).length).toBeGreaterThan(2)
    await first.store.close()
    expect(first.clock.pending).toBe(0)

    const second = await open({ storage })
    for (const { cid, bytes: data } of [root, middle]) second.remote.set(cid.toString(), data)
    second.store.retryNow()
    // the fetch of the open session waits for blocks to arrive: a new attempt finds them
    await second.clock.advance(200_000)
    expect(await listed(second.store)).toEqual(['/a', '/b', '/c'])
    expect((await second.store.stats()).heads.map(String)).toEqual([head.cid.toString()])
    await second.store.close()
  })

  test('bad blocks and announcements are refused and counted, and what is below a good head marks it dirty', async () => {
    const { store, remote, hear, hearBytes } = await open()
    await hearBytes(Uint8Array.of(1, 112, 18, 32))
    const good = node(1, '/a', '1')
    remote.set(good.cid.toString(), bytes('not the block'))
    await hear(good.cid)
    await store.idle()
    expect(await store.stats()).toMatchObject({ rejected: 1, queuedJobs: 0, isDirty: false })
    const above = node(2, '/b', '2', good)
    remote.set(above.cid.toString(), above.bytes)
    await hear(above.cid)
    await store.idle()
    await settle()
    expect(await store.stats()).toMatchObject({ rejected: 2, queuedJobs: 0, isDirty: true })
    // once the block can be had, a repair brings it in
    remote.set(good.cid.toString(), good.bytes)
    expect(await store.repair()).toBe(true)
    expect(await listed(store)).toEqual(['/a', '/b'])
    expect(await store.stats()).toMatchObject({ isDirty: false, maxHeight: 2n })
    await store.close()
  })

  test('a local change while a walk is under way covers its head', async () => {
    const { store, remote, hear, clock } = await open({ fetch: { blockTimeoutMs: 1000 } })
    const root = node(1, '/a', 'root')
    const head = node(2, '/b', 'head', root)
    remote.set(head.cid.toString(), head.bytes)
    await hear(head.cid)
    await settle()
    await store.commit([put('/c', 'local')])
    expect(await store.stats()).toMatchObject({ maxHeight: 3n })
    remote.set(root.cid.toString(), root.bytes)
    await clock.advance(10_000)
    expect(await listed(store)).toEqual(['/a', '/b', '/c'])
    expect((await store.stats()).heads).toHaveLength(1)
    await store.close()
  })

  test('all heads are announced on demand, for a peer that has just come', async () => {
    const { store, sent } = await open()
    await store.commit([put('/a', '1')])
    await store.announceHeads()
    expect(sent).toHaveLength(2)
    expect(sent[1]).toEqual(sent[0])
    await store.close()
  })

  test('heads that nobody mentioned are announced at each tick, others not', async () => {
    const { store, clock, sent, remote, hear } = await open({ rebroadcastIntervalMs: 1000 })
    const head = node(1, '/a', '1')
    remote.set(head.cid.toString(), head.bytes)
    await hear(head.cid)
    await store.idle()
    await clock.advance(1300)
    expect(sent).toEqual([]) // heard in this interval
    await clock.advance(1300)
    expect(sent).toEqual([[head.cid.toString()]])
    await store.close()
    expect(clock.pending).toBe(0)
  })
})

describe('the feed of changes', () => {
  async function next(iterator: AsyncIterator<readonly CrdtChange[]>): Promise<readonly CrdtChange[]> {
    const result = await iterator.next()
    if (result.done === true) throw new Error('the feed ended')
    return result.value
  }
  const read = (store: MerkleCrdt, signal = new AbortController().signal): AsyncIterator<readonly CrdtChange[]> =>
    store.changes({ signal })[Symbol.asyncIterator]()

  test('begins with resync, then says what became of each key, once', async () => {
    const { store } = await open()
    await store.commit([put('/old', 'x')])
    const feed = read(store)
    expect(await next(feed)).toEqual([{ type: 'resync' }])
    await store.commit([put('/a', '1')])
    await store.commit([put('/a', '2'), put('/b', '1')])
    await store.commit([remove('/b')])
    expect(await next(feed)).toEqual([
      { type: 'put', key: '/a', value: bytes('2') },
      { type: 'delete', key: '/b' }
    ])
    await store.close()
    expect(await feed.next()).toMatchObject({ done: true })
  })

  test('a removal that leaves a concurrent version is a put of that version', async () => {
    const { store, remote, hear } = await open()
    await store.commit([put('/a', 'mine')])
    const [mine] = (await store.stats()).heads
    const feed = read(store)
    await next(feed)
    const theirs = node(1, '/a', 'theirs')
    if (mine === undefined) throw new Error('no head')
    const { blockIdOf } = await import('./block-id.ts')
    const removal = createNode({ elements: [], tombstones: [{ key: '/a', id: blockIdOf(mine) }], priority: 2n }, [
      mine,
      theirs.cid
    ])
    for (const each of [theirs, removal]) remote.set(each.cid.toString(), each.bytes)
    await hear(removal.cid)
    await store.idle()
    expect(await next(feed)).toEqual([{ type: 'put', key: '/a', value: bytes('theirs') }])
    await store.close()
  })

  test('a first sync is one resync; what changes afterwards is told', async () => {
    const { store, remote, hear } = await open()
    const feed = read(store)
    await next(feed)
    const root = node(1, '/a', '1')
    const head = node(2, '/b', '2', root)
    for (const each of [root, head]) remote.set(each.cid.toString(), each.bytes)
    await hear(head.cid)
    await store.idle()
    expect(await next(feed)).toEqual([{ type: 'resync' }])
    const later = node(3, '/c', '3', head)
    remote.set(later.cid.toString(), later.bytes)
    await hear(later.cid)
    expect(await next(feed)).toEqual([{ type: 'put', key: '/c', value: bytes('3') }])
    await store.close()
  })

  test('a reader that falls far behind gets a resync; an abort ends it', async () => {
    const { store } = await open()
    const controller = new AbortController()
    const feed = read(store, controller.signal)
    await next(feed)
    for (let part = 0; part < 5; part += 1) {
      await store.commit(Array.from({ length: 4000 }, (_, index) => put(`/k${part}/${index}`, 'x')))
    }
    expect(await next(feed)).toEqual([{ type: 'resync' }])
    const waiting = feed.next()
    controller.abort()
    await expect(waiting).rejects.toThrow('aborted')
    await store.close()
  })

  test('has one reader', async () => {
    const { store } = await open()
    const feed = read(store)
    await next(feed)
    await expect(read(store).next()).rejects.toThrow('one reader')
    await store.close()
  })
})

describe('the datastore', () => {
  test('of a newer version is refused, and so is a damaged one, which names its key', async () => {
    const storage = new MemoryDatastore()
    storage.put(new Key('/c/crdt_version'), Uint8Array.of(9))
    await expect(open({ storage })).rejects.toMatchObject({ code: 'ERR_CRDT_VERSION' })
    storage.put(new Key('/c/crdt_version'), Uint8Array.of(2))
    storage.put(new Key('/c/h/CIQI2V44GOX4M45OZ3OAXB3QBG6V7YE7D2LIUD2HYXHI4JR5XM2CP6A'), Uint8Array.of(0xff))
    await expect(open({ storage })).rejects.toMatchObject({ code: 'ERR_CRDT_BAD_STORE', message: /\/c\/h\/CIQI2V44/ })
  })

  test('of version 0 is migrated: values that a tombstone should have removed are found again', async () => {
    const storage = new MemoryDatastore()
    const { store } = await open({ storage })
    await store.commit([put('/a', '1')])
    await store.commit([remove('/a')])
    await store.close()
    storage.delete(new Key('/c/crdt_version'))
    storage.put(new Key('/c/s/k/a/v'), bytes('stale'))
    const { store: again } = await open({ storage })
    expect(await again.get('/a')).toBeUndefined()
    expect(storage.get(new Key('/c/crdt_version'))).toEqual(Uint8Array.of(2))
    await again.close()
  })

  test('left open by a Go peer is marked dirty, left open by us is not', async () => {
    const storage = new MemoryDatastore()
    storage.put(new Key('/c/crdt_version'), Uint8Array.of(2))
    storage.put(new Key('/c/bs'), new Uint8Array())
    const { store } = await open({ storage })
    expect((await store.stats()).isDirty).toBe(true)
    await store.close()
    const ours = new MemoryDatastore()
    await open({ storage: ours }) // never closed
    const { store: second } = await open({ storage: ours })
    expect((await second.stats()).isDirty).toBe(false)
    await second.close()
  })

  test('is cleaned of everything in the namespace, and of nothing else', async () => {
    const storage = new MemoryDatastore()
    storage.put(new Key('/dht/x'), bytes('1'))
    const { store } = await open({ storage })
    await store.commit([put('/a', '1')])
    await store.close()
    await MerkleCrdt.clean(storage, '/c')
    expect(storage.size).toBe(1)
  })

  describe('is replaced', () => {
    const offline = (storage: MemoryDatastore): Parameters<typeof MerkleCrdt.replace>[0] => ({
      storage,
      namespace: '/c',
      clock: new ManualClock(),
      random: seededRandom(1),
      log: memoryLogger()
    })
    async function* pairs(count: number, failAt = Infinity): AsyncGenerator<{ key: string; value: Uint8Array }[]> {
      for (let index = 0; index < count; index += 1) {
        if (index === failAt) throw new Error('bad line')
        await Promise.resolve()
        yield [{ key: `/new${index}`, value: bytes('x') }]
      }
    }
    async function filled(): Promise<MemoryDatastore> {
      const storage = new MemoryDatastore()
      const { store, hear, remote } = await open({ storage })
      await store.commit([put('/old', '1')])
      const head = node(5, '/other', '1', node(4, '/gone', '1'))
      remote.set(head.cid.toString(), head.bytes)
      await hear(head.cid)
      await store.close()
      return storage
    }

    test('as a whole, with its walks and its blocks', async () => {
      const storage = await filled()
      expect(await MerkleCrdt.replace(offline(storage), pairs(3))).toBe(3)
      const { store } = await open({ storage })
      expect(await listed(store)).toEqual(['/new0', '/new1', '/new2'])
      expect(await store.stats()).toMatchObject({ maxHeight: 1n, queuedJobs: 0 })
      await store.close()
      for await (const key of storage.queryKeys({})) expect(key.toString()).not.toMatch(/^\/c\/ts/)
    })

    test('not at all, when the source breaks off', async () => {
      const storage = await filled()
      const before = storage.size
      await expect(MerkleCrdt.replace(offline(storage), pairs(3, 2))).rejects.toThrow('bad line')
      expect(storage.size).toBe(before)
    })

    test('also when it was broken off anywhere: the next start goes on', async () => {
      const writes: number[] = []
      const count = await (async () => {
        const storage = await filled()
        await MerkleCrdt.replace(offline(counting(storage, writes)), pairs(2))
        return writes.length
      })()
      for (let crashAt = 0; crashAt < count; crashAt += 1) {
        const storage = await filled()
        const crashing = counting(storage, [], crashAt)
        await expect(MerkleCrdt.replace(offline(crashing), pairs(2))).rejects.toThrow('crash')
        const { store } = await open({ storage })
        const keys = await listed(store)
        expect([
          ['/old', '/other'],
          ['/new0', '/new1']
        ]).toContainEqual(keys)
        await store.close()
      }
    })

    /** The same store, which fails from a write on. */
    function counting(storage: MemoryDatastore, writes: number[], crashAt = Infinity): MemoryDatastore {
      return new Proxy(storage, {
        get(target, name) {
          if (name === 'commit') {
            return (...parameters: Parameters<MemoryDatastore['commit']>): Promise<void> => {
              if (writes.length >= crashAt) return Promise.reject(new Error('crash'))
              writes.push(1)
              return target.commit(...parameters)
            }
          }
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        }
      })
    }
  })
})
