import { ManualClock, MemoryDatastore, memoryLogger, seededRandom } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { describe, expect, test } from 'vitest'
import { openStore } from './open-store.fixture.ts'
import { createNode, DagBlocks, encodeDelta, MerkleCrdt, type CrdtOperation, type DeltaNode } from './index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string, value: string): CrdtOperation => ({ type: 'put', key, value: bytes(value) })
const remove = (key: string): CrdtOperation => ({ type: 'delete', key })

function node(priority: number, key: string, value: string, ...parents: DeltaNode[]): DeltaNode {
  const delta = { elements: [{ key, value: bytes(value) }], tombstones: [], priority: BigInt(priority) }
  return createNode(
    delta,
    parents.map(({ cid }) => cid)
  )
}
function journalOf(key: string): Uint8Array {
  return encodeDelta({ elements: [{ key, value: bytes('1') }], tombstones: [], priority: 0n })
}
async function listed(store: MerkleCrdt, options = {}): Promise<string[]> {
  const keys: string[] = []
  for await (const page of store.list(options)) keys.push(...page.map(({ key }) => key))
  return keys
}

describe('the datastore', () => {
  test('of a newer version is refused, and so is a damaged one, which names its key', async () => {
    const storage = new MemoryDatastore()
    storage.put(new Key('/c/crdt_version'), Uint8Array.of(9))
    await expect(openStore({ storage })).rejects.toMatchObject({ code: 'ERR_CRDT_VERSION' })
    storage.put(new Key('/c/crdt_version'), Uint8Array.of(2))
    storage.put(new Key('/c/h/CIQI2V44GOX4M45OZ3OAXB3QBG6V7YE7D2LIUD2HYXHI4JR5XM2CP6A'), Uint8Array.of(0xff))
    await expect(openStore({ storage })).rejects.toMatchObject({
      code: 'ERR_CRDT_BAD_STORE',
      message: /\/c\/h\/CIQI2V44/
    })
  })

  test('of version 0 is migrated: values that a tombstone should have removed are found again', async () => {
    const storage = new MemoryDatastore()
    const { store } = await openStore({ storage, keepTombstones: true })
    await store.commit([put('/a', '1')])
    await store.commit([remove('/a')])
    await store.close()
    storage.delete(new Key('/c/crdt_version'))
    storage.put(new Key('/c/s/k/a/v'), bytes('stale'))
    const { store: again } = await openStore({ storage })
    expect(await again.get('/a')).toBeUndefined()
    expect(storage.get(new Key('/c/crdt_version'))).toEqual(Uint8Array.of(2))
    await again.close()
  })

  test('left open by a Go peer is marked dirty, left open by us is not', async () => {
    const storage = new MemoryDatastore()
    storage.put(new Key('/c/crdt_version'), Uint8Array.of(2))
    storage.put(new Key('/c/bs'), new Uint8Array())
    const { store } = await openStore({ storage })
    expect((await store.stats()).isDirty).toBe(true)
    await store.close()
    const ours = new MemoryDatastore()
    await openStore({ storage: ours }) // never closed
    const { store: second } = await openStore({ storage: ours })
    expect((await second.stats()).isDirty).toBe(false)
    await second.close()
  })

  test('is cleaned of everything in the namespace, and of nothing else', async () => {
    const storage = new MemoryDatastore()
    storage.put(new Key('/dht/x'), bytes('1'))
    const { store } = await openStore({ storage })
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
      const { store, hear, remote } = await openStore({ storage })
      await store.commit([put('/old', '1')])
      const head = node(5, '/other', '1', node(4, '/gone', '1'))
      remote.add(head)
      await hear(head.cid)
      await store.close()
      return storage
    }

    test('as a whole, with its walks and its blocks', async () => {
      const storage = await filled()
      expect(await MerkleCrdt.replace(offline(storage), pairs(3))).toBe(3)
      const { store } = await openStore({ storage })
      expect(await listed(store)).toEqual(['/new0', '/new1', '/new2'])
      expect(await store.stats()).toMatchObject({ maxHeight: 1n, queuedJobs: 0 })
      await store.close()
      for await (const key of storage.queryKeys({})) expect(key.toString()).not.toMatch(/^\/c\/ts\/(?!i\/)/)
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
        const { store } = await openStore({ storage })
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

describe('closing', () => {
  test('answers everybody who waits for a block that cannot be written', async () => {
    let isFull = false
    const storage = new MemoryDatastore({
      onCommit: () => {
        if (isFull) throw new Error('the disk is full')
      }
    })
    const { store } = await openStore({ storage })
    isFull = true
    const many = Array.from({ length: 600 }, (_, index) => store.commit([put(`/k${index}`, 'x')]))
    const imported = store.import(
      (async function* () {
        yield [{ key: '/x', value: bytes('1') }]
        await Promise.resolve()
      })()
    )
    await expect(store.close()).rejects.toThrow('the disk is full') // the mark of an open store stays
    const results = await Promise.allSettled([...many, imported])
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(601)
  })

  test('a store that cannot be opened leaves no timer and no work', async () => {
    const storage = new MemoryDatastore()
    const batching = { maxSize: 10, maxAgeMs: 60_000, maxQueue: 100 }
    const first = await openStore({ storage, batching })
    const missing = node(1, '/a', '1')
    const head = node(2, '/b', '2', missing)
    first.remote.add(head)
    await first.hear(head.cid)
    await first.store.close()
    await storage.commit([{ put: { key: new Key('/c/ts/q/00000000000001'), value: journalOf('/x') } }], {
      durable: true
    })
    storage.put(new Key('/c/h/CIQI2V44GOX4M45OZ3OAXB3QBG6V7YE7D2LIUD2HYXHI4JR5XM2CP6A'), Uint8Array.of(0xff))
    const clock = new ManualClock()
    await expect(openStore({ storage, batching, clock })).rejects.toMatchObject({ code: 'ERR_CRDT_BAD_STORE' })
    expect(clock.pending).toBe(0)
  })

  test('wrong bytes of a block that is merged remove nothing', async () => {
    const { store, storage, remote, hear } = await openStore()
    const root = node(1, '/a', '1')
    remote.add(root)
    await hear(root.cid)
    await store.idle()
    await new DagBlocks(storage, '/c').discard(root.cid)
    expect(await new DagBlocks(storage, '/c').get(root.cid)).toEqual(root.bytes)
    storage.put(new Key(`/c/b/blocks${root.id}`), bytes('garbage'))
    await new DagBlocks(storage, '/c').discard(root.cid)
    expect(await new DagBlocks(storage, '/c').has(root.cid)).toBe(false)
    await store.close()
  })
})
