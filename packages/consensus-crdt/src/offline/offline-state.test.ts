import { itemsOf, type Pin } from '@cluster/api'
import { DagBlocks, MerkleCrdt } from '@cluster/merkle-crdt'
import { MemoryDatastore, testCid, testContext } from '@cluster/testing'
import { pinToPair } from '@cluster/state'
import { Key } from 'interface-datastore'
import { describe, expect, test } from 'vitest'
import { copyOf } from '../crdt.fixture.ts'
import { exported, offlineOf, pagesOf, pinNamed } from './offline.fixture.ts'

const pins = [1, 2, 3, 4, 5].map((index) => pinNamed(index))

/** A store as a peer leaves it: pins come one by one, some change, some go. */
async function grown(datastore: MemoryDatastore, names: readonly string[] = ['a', 'b']): Promise<void> {
  const { clock, random, log } = testContext()
  const blocks = new DagBlocks(datastore, '/c')
  const init = { storage: datastore, namespace: '/c', blocks, clock, random, log, repairIntervalMs: 0 }
  const store = await MerkleCrdt.open(init)
  for (const name of names) {
    for (let index = 0; index < 5; index += 1) {
      const key = `/${name === 'a' ? 'OLD' : 'NEW'}${index.toString()}`
      await store.commit([{ type: 'put', key, value: new TextEncoder().encode(name) }])
    }
  }
  await store.commit([{ type: 'delete', key: '/OLD1' }])
  await store.close()
}

describe('an import', () => {
  test('is what an export gives, in pinset order, and replaces what was there', async () => {
    const datastore = new MemoryDatastore()
    const state = offlineOf(datastore)
    await state.import(pagesOf([pinNamed(9), ...pins]), {})
    await state.import(pagesOf(pins.toReversed()), {})
    const first = await exported(state)
    expect(first).toHaveLength(5)
    const again: string[] = []
    const other = offlineOf(new MemoryDatastore())
    await other.import(state.export({}), {})
    again.push(...(await exported(other)))
    expect(again).toEqual(first)
    expect((await other.dag.info({})).heads).toHaveLength(1)
  })

  test('that breaks off changes nothing', async () => {
    const state = offlineOf(new MemoryDatastore())
    await state.import(pagesOf(pins), {})
    const before = await exported(state)
    async function* broken() {
      yield* pagesOf([pinNamed(9)])
      throw new Error('line 7 is no pin')
    }
    await expect(state.import(broken(), {})).rejects.toThrow('line 7 is no pin')
    expect(await exported(state)).toEqual(before)
  })
})

describe('a damaged store', () => {
  test('gives what can be read of it, and is whole again once that was imported', async () => {
    const datastore = new MemoryDatastore()
    const state = offlineOf(datastore)
    await state.import(pagesOf(pins), {})
    const before = await exported(state)
    for await (const key of datastore.queryKeys({ prefix: '/c/h/' })) datastore.put(key, new Uint8Array())
    await expect(state.dag.info({})).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(await exported(state)).toEqual(before)
    const saved: Pin[] = await Array.fromAsync(itemsOf(state.export({})))
    await state.clean({})
    await state.import(pagesOf(saved), {})
    expect(await exported(state)).toEqual(before)
    expect((await state.dag.info({})).heads).toHaveLength(1)
  })
})

describe('cleaning', () => {
  test('leaves nothing of the store, and everything else in the datastore', async () => {
    const datastore = new MemoryDatastore()
    datastore.put(new Key('/dht/a'), Uint8Array.of(1))
    datastore.put(new Key('/cc'), Uint8Array.of(1))
    await grown(datastore)
    const state = offlineOf(datastore)
    await state.clean({})
    await state.clean({})
    expect(datastore.size).toBe(2)
    expect(await exported(state)).toEqual([])
  })

  test('that a crash ends anywhere is finished by the next start, or was never begun', async () => {
    const datastore = new MemoryDatastore()
    await offlineOf(datastore).import(pagesOf(pins), {})
    const before = await exported(offlineOf(datastore))
    const outcomes = new Set<number>()
    for (let writes = 0; ; writes += 1) {
      let left = Infinity
      const crashing = await copyOf(datastore, {
        onCommit: () => {
          if (left-- <= 0) throw new Error('crash')
        }
      })
      left = writes
      const isDone = await offlineOf(crashing)
        .clean({})
        .then(
          () => true,
          () => false
        )
      left = Infinity
      const after = await exported(offlineOf(await copyOf(crashing)))
      expect([[], before]).toContainEqual(after)
      outcomes.add(after.length)
      if (isDone) break
    }
    expect(outcomes).toEqual(new Set([5, 0]))
  })
})

describe('the DAG', () => {
  test('is told of, marked and unmarked', async () => {
    const datastore = new MemoryDatastore()
    await grown(datastore)
    const { dag } = offlineOf(datastore)
    expect(await dag.info({})).toMatchObject({ maxHeight: 11n, dirty: false, missing: 0 })
    await dag.mark(true, {})
    expect(await dag.info({})).toMatchObject({ dirty: true })
    await dag.mark(false, {})
    expect(await dag.info({})).toMatchObject({ dirty: false })
  })

  test('as a graph has every block once, and says which are missing or damaged', async () => {
    const datastore = new MemoryDatastore()
    const { dag } = offlineOf(datastore)
    expect((await Array.fromAsync(dag.dot({}))).join('')).toBe('digraph CRDTDAG {\nsubgraph heads {\n}\n}\n')
    await grown(datastore)
    const graph = (await Array.fromAsync(dag.dot({}))).join('')
    const labels = [...graph.matchAll(/^(baf\w+) \[label="(\d+) \| (\w{4}): \+(\d) -(\d)"\]$/gm)]
    expect(labels.map(([, , priority]) => Number(priority))).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
    expect(labels.map(([, cid, , end]) => cid?.endsWith(end ?? ''))).not.toContain(false)
    const [, second = ''] = /-> \{(\w+) \}/.exec(graph) ?? []
    expect(graph).toContain(`subgraph heads {\n${labels[0]?.[1] ?? ''}\n}\n`)
    expect(graph).toContain(`subgraph sg_${labels[0]?.[1] ?? ''} {\n${second}\n}\n`)

    for await (const key of datastore.queryKeys({ prefix: '/c/b/blocks/' })) {
      const bytes = datastore.get(key)
      if (bytes.length < 60) continue
      datastore.delete(key)
      break
    }
    const gap = (await Array.fromAsync(dag.dot({}))).join('')
    expect(gap.match(/label="missing \| \w{4}"/g)).toHaveLength(1)
  })
})

describe('compaction', () => {
  test('tells the digest of a peer with the same pinset and another history, and changes nothing', async () => {
    const [a, b] = [new MemoryDatastore(), new MemoryDatastore()]
    await grown(a)
    await grown(b, ['b', 'a'])
    const size = a.size
    const [ofA, ofB] = [await offlineOf(a).dag.compact({}), await offlineOf(b).dag.compact({})]
    expect(ofA).toEqual({ digest: ofB.digest, pins: 9, blocks: 1, replaced: false })
    expect((await offlineOf(a).dag.info({})).heads).not.toEqual((await offlineOf(b).dag.info({})).heads)
    expect(a.size).toBe(size)
    expect((await offlineOf(new MemoryDatastore()).dag.compact({})).digest).toBe('empty')
  })

  test('replaces the history with the expected digest, and with no other', async () => {
    const [a, b] = [new MemoryDatastore(), new MemoryDatastore()]
    await offlineOf(a).import(pagesOf(pins.toReversed()), {})
    await grown(b)
    const { digest } = await offlineOf(a).dag.compact({})
    const steps: string[] = []
    await expect(offlineOf(b).dag.compact({ expect: digest })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    const before = await exported(offlineOf(a))
    const done = await offlineOf(a).dag.compact({
      expect: digest,
      onProgress: (step, count) => steps.push(`${step} ${count.toString()}`)
    })
    expect(done).toEqual({ digest, pins: 5, blocks: 1, replaced: true })
    expect(steps).toEqual(['reading 5', 'writing 5'])
    expect((await offlineOf(a).dag.info({})).heads.map(String)).toEqual([digest])
    expect(await exported(offlineOf(a))).toEqual(before)
    // what was compacted is compact: in the order of its keys there is but one history
    expect(await offlineOf(a).dag.compact({})).toMatchObject({ digest })
  })

  test('that a crash ends anywhere leaves the old history or the new one', async () => {
    const datastore = new MemoryDatastore()
    await offlineOf(datastore).import(pagesOf(pins.toReversed()), {})
    const before = await exported(offlineOf(datastore))
    const { heads: old } = await offlineOf(datastore).dag.info({})
    const { digest } = await offlineOf(datastore).dag.compact({})
    const seen = new Set<string>()
    for (let writes = 0; ; writes += 1) {
      let left = Infinity
      const crashing = await copyOf(datastore, {
        onCommit: () => {
          if (left-- <= 0) throw new Error('crash')
        }
      })
      left = writes
      const isDone = await offlineOf(crashing)
        .dag.compact({ expect: digest })
        .then(
          () => true,
          () => false
        )
      left = Infinity
      const after = offlineOf(await copyOf(crashing))
      const { heads } = await after.dag.info({})
      seen.add(heads.join())
      expect(await exported(after)).toEqual(before)
      if (isDone) break
    }
    expect([...seen].sort()).toEqual([old.join(), digest].sort())
  })

  test('is refused while blocks are missing', async () => {
    const datastore = new MemoryDatastore()
    await grown(datastore)
    const { log, clock, random } = testContext()
    const empty = new MemoryDatastore()
    // a peer that heard of a head and has only the block of it
    const [head] = (await offlineOf(datastore).dag.info({})).heads
    if (head === undefined) throw new Error('no head')
    const bytes = await new DagBlocks(datastore, '/c').get(head)
    const blocks = new DagBlocks(empty, '/c')
    const init = { storage: empty, namespace: '/c', clock, random, log, repairIntervalMs: 0 }
    const store = await MerkleCrdt.open({ ...init, blocks })
    await store.close()
    await copyBlock(empty, datastore, bytes)
    await expect(offlineOf(empty).dag.compact({})).rejects.toMatchObject({ code: 'NOT_READY' })
  })
})

/** Makes the block and its head those of another datastore. */
async function copyBlock(to: MemoryDatastore, from: MemoryDatastore, bytes: Uint8Array): Promise<void> {
  for await (const { key, value } of from.query({})) {
    const text = key.toString()
    if (text.startsWith('/c/h/') || Buffer.compare(value, bytes) === 0) to.put(key, value)
  }
}

test('what was acknowledged with batching is exported, also after a crash', async () => {
  const datastore = new MemoryDatastore()
  const { clock, random, log } = testContext()
  const blocks = new DagBlocks(datastore, '/c')
  const batching = { maxSize: 100, maxAgeMs: 60_000, maxQueue: 100 }
  const init = { storage: datastore, namespace: '/c', blocks, clock, random, log, repairIntervalMs: 0, batching }
  const source = offlineOf(new MemoryDatastore())
  await source.import(pagesOf([pinNamed(1)]), {})
  const store = await MerkleCrdt.open(init)
  const { key, value } = pinToPair(pinNamed(1))
  await store.commit([{ type: 'put', key: key.toString(), value }])
  const crashed = await copyOf(datastore)
  await store.close()
  expect(await exported(offlineOf(crashed))).toEqual([`${testCid(1).toString()} a pin`])
  expect((await Array.fromAsync(itemsOf(offlineOf(crashed).export({})))).length).toBe(1)
})
