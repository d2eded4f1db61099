import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as dagPb from '@ipld/dag-pb'
import { MemoryDatastore } from 'datastore-core'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { BlockSource } from './fetch-dag.ts'
import { IpfsNode, type IpfsNodeInit } from './ipfs-node.ts'

interface Dag {
  root: CID
  /** By CID text; the root is the last. */
  blocks: Map<string, { cid: CID; bytes: Uint8Array }>
}

function add(dag: Map<string, { cid: CID; bytes: Uint8Array }>, code: number, bytes: Uint8Array): CID {
  const cid = CID.createV1(code, digest.create(0x12, new Uint8Array(createHash('sha256').update(bytes).digest())))
  dag.set(cid.toString(), { cid, bytes })
  return cid
}

/** A tree: `levels` of dag-pb above raw leaves, `width` links a node. */
function tree(seed: string, levels: number, width: number): Dag {
  const blocks: Dag['blocks'] = new Map()
  const make = (path: string, level: number): CID => {
    if (level === 0) return add(blocks, 0x55, new TextEncoder().encode(path))
    const Links = Array.from({ length: width }, (_, i) => ({
      Hash: make(`${path}/${i}`, level - 1),
      Name: String(i),
      Tsize: 1
    }))
    return add(blocks, 0x70, dagPb.encode({ Links, Data: new TextEncoder().encode(path) }))
  }
  return { root: make(seed, levels), blocks }
}

async function start(init: Partial<IpfsNodeInit> = {}): Promise<IpfsNode> {
  const blocksFolder = init.blocksFolder ?? (await mkdtemp(join(tmpdir(), 'node-')))
  const node = new IpfsNode({ datastore: new MemoryDatastore(), blocksFolder, ...init })
  await node.open()
  onTestFinished(async () => {
    await node.close()
    await rm(blocksFolder, { recursive: true, force: true })
  })
  return node
}

async function putAll(node: IpfsNode, dag: Dag): Promise<void> {
  for (const { cid, bytes } of dag.blocks.values()) await node.blocks.put(cid, bytes)
}

function source(dag: Dag): { readonly get: ReturnType<typeof vi.fn<BlockSource['get']>> } {
  return {
    get: vi.fn<BlockSource['get']>((cid) => {
      const block = dag.blocks.get(cid.toString())
      return block === undefined
        ? Promise.reject(new Error(`nobody has ${cid.toString()}`))
        : Promise.resolve(block.bytes)
    })
  }
}

const gc = async (node: IpfsNode): Promise<string[]> =>
  (await Array.fromAsync(node.gc())).map(({ cid, error }) => error?.message ?? cid.toV1().toString())

test('a recursive pin fetches what is missing, once, and only that', async () => {
  const node = await start()
  const dag = tree('a', 3, 4)
  const [first] = dag.blocks.values()
  if (first === undefined) throw new Error('empty')
  await node.blocks.put(first.cid, first.bytes)
  const fetch = source(dag)
  const progress: number[] = []
  await node.pin(dag.root, { fetch, name: 'mine', onProgress: (nodes) => progress.push(nodes) })
  expect(fetch.get).toHaveBeenCalledTimes(dag.blocks.size - 1)
  expect(progress).toEqual(Array.from(dag.blocks, (_, i) => i + 1))
  for (const { cid, bytes } of dag.blocks.values()) expect(await node.blocks.get(cid)).toEqual(bytes)
  expect(await node.getPin(dag.root)).toEqual({ cid: dag.root, depth: -1, name: 'mine' })
  expect(await node.stat()).toMatchObject({ numObjects: dag.blocks.size })
})

test('no more blocks are in work than the limit says', async () => {
  const node = await start()
  const dag = tree('b', 3, 3) // 27 leaves, which come in threes only
  let active = 0
  let most = 0
  const inner = source(dag)
  let waiting: (() => void)[] = []
  const get: BlockSource['get'] = async (cid, options) => {
    most = Math.max(most, ++active)
    if (cid.code === 0x55) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        if (waiting.length < 3) return
        for (const proceed of waiting) proceed()
        waiting = []
      })
    }
    active--
    return await inner.get(cid, options)
  }
  await node.pin(dag.root, { fetch: { get }, concurrency: 3 })
  expect(most).toBe(3)
})

test('a failed fetch fails the pin, stops the others and leaves no pin', async () => {
  const node = await start()
  const dag = tree('c', 2, 3)
  const [lost] = dag.blocks.keys()
  dag.blocks.delete(lost ?? '')
  const signals: AbortSignal[] = []
  const inner = source(dag)
  const get: BlockSource['get'] = (cid, options) => {
    signals.push(options.signal)
    return inner.get(cid, options)
  }
  await expect(node.pin(dag.root, { fetch: { get } })).rejects.toThrow('nobody has')
  expect(signals.every((signal) => signal.aborted)).toBe(true)
  expect(await node.getPin(dag.root)).toBeUndefined()
  await expect(node.pin(dag.root)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' })
})

test('abort ends a pin that waits', async () => {
  const node = await start()
  const { root } = tree('d', 1, 1)
  const abort = new AbortController()
  const get: BlockSource['get'] = (_cid, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error)
      })
      abort.abort(new Error('enough'))
    })
  await expect(node.pin(root, { fetch: { get }, signal: abort.signal })).rejects.toThrow('enough')
  await expect(node.pin(root, { fetch: { get }, signal: abort.signal })).rejects.toThrow('enough')
})

test('wrong bytes from a source are not stored', async () => {
  const node = await start()
  const { root } = tree('e', 0, 1)
  const fetch: BlockSource = { get: () => Promise.resolve(new Uint8Array([6, 6, 6])) }
  await expect(node.pin(root, { fetch })).rejects.toMatchObject({ code: 'HASH_MISMATCH' })
  expect(await node.blocks.has(root)).toBe(false)
})

test('a direct pin keeps the root only; limited depth keeps that many levels', async () => {
  const node = await start()
  const dag = tree('f', 3, 2)
  await node.pin(dag.root, { fetch: source(dag), depth: 0 })
  expect((await node.stat()).numObjects).toBe(1)
  expect(await node.pinStatus(dag.root)).toBe('direct')
  await node.pin(dag.root, { fetch: source(dag), depth: 1 })
  expect((await node.stat()).numObjects).toBe(3)
  expect(await node.pinStatus(dag.root)).toBe('recursive')
  await putAll(node, dag)
  expect(await gc(node)).toHaveLength(dag.blocks.size - 3)
  await expect(node.pin(dag.root, { depth: 0 })).rejects.toMatchObject({ code: 'ALREADY_PINNED_RECURSIVELY' })
})

test('a limited depth counts the shortest path', async () => {
  const node = await start()
  const blocks: Dag['blocks'] = new Map()
  const leaf = add(blocks, 0x55, new TextEncoder().encode('leaf'))
  const low = add(blocks, 0x70, dagPb.encode(dagPb.prepare({ Links: [{ Hash: leaf, Name: 'l', Tsize: 1 }] })))
  const mid = add(blocks, 0x70, dagPb.encode(dagPb.prepare({ Links: [{ Hash: low, Name: 'm', Tsize: 1 }] })))
  const Links = [mid, low].map((Hash, i) => ({ Hash, Name: String(i), Tsize: 1 }))
  const root = add(blocks, 0x70, dagPb.encode(dagPb.prepare({ Links })))
  await node.pin(root, { fetch: source({ root, blocks }), depth: 2 })
  expect(await node.blocks.has(leaf)).toBe(true)
})

test('status: recursive, direct, indirect, unpinned; CIDs of both versions are one root', async () => {
  const node = await start()
  const dag = tree('g', 2, 2)
  const alone = tree('h', 1, 1)
  await node.pin(dag.root, { fetch: source(dag) })
  await node.pin(alone.root, { fetch: source(alone), depth: 0 })
  const [leaf] = dag.blocks.values()
  expect(await node.pinStatus(dag.root)).toBe('recursive')
  expect(await node.pinStatus(dag.root.toV0())).toBe('recursive')
  expect(await node.pinStatus(alone.root)).toBe('direct')
  expect(await node.pinStatus(leaf?.cid ?? dag.root)).toBe('indirect')
  expect(await node.pinStatus(tree('i', 0, 0).root)).toBe('unpinned')
})

test('unpin; lists pages by kind', async () => {
  const node = await start()
  const direct = tree('j', 1, 1)
  await node.pin(direct.root, { fetch: source(direct), depth: 0 })
  const roots: string[] = []
  for (let i = 0; i < 1030; i++) {
    const leaf = tree(`k${i}`, 0, 0)
    roots.push(leaf.root.toString())
    await node.blocks.put(leaf.root, leaf.blocks.get(leaf.root.toString())?.bytes ?? new Uint8Array())
    await node.pin(leaf.root)
  }
  const pages = await Array.fromAsync(node.listPins(['recursive']))
  expect(pages.map((page) => page.length)).toEqual([1024, 6])
  expect(
    pages
      .flat()
      .map(({ cid }) => cid.toString())
      .sort()
  ).toEqual(roots.sort())
  expect((await Array.fromAsync(node.listPins(['direct']))).flat()).toEqual([{ cid: direct.root, depth: 0 }])
  await node.unpin(direct.root)
  expect(await node.pinStatus(direct.root)).toBe('unpinned')
  await expect(node.unpin(direct.root)).rejects.toMatchObject({ code: 'NOT_PINNED' })
}, 60_000)

test('pins are written through when the datastore can', async () => {
  const datastore = new MemoryDatastore()
  const commit = vi.fn(
    (operations: readonly ({ put: { key: Parameters<typeof datastore.put>[0]; value: Uint8Array } } | object)[]) => {
      for (const operation of operations)
        if ('put' in operation) void datastore.put(operation.put.key, operation.put.value)
      return Promise.resolve()
    }
  )
  const node = await start({ datastore: Object.assign(datastore, { commit }) })
  const dag = tree('l', 0, 0)
  await node.pin(dag.root, { fetch: source(dag) })
  expect(commit).toHaveBeenCalledWith([expect.anything()], expect.objectContaining({ durable: true }))
})

test('gc removes what no pin and no hold protects', async () => {
  const node = await start()
  const pinned = tree('m', 2, 2)
  const loose = tree('n', 2, 2)
  const held = tree('o', 1, 1)
  await putAll(node, loose)
  await node.pin(pinned.root, { fetch: source(pinned) })
  const hold = node.hold()
  for (const { cid, bytes } of held.blocks.values()) {
    hold.protect(cid)
    await node.blocks.put(cid, bytes)
  }
  const removed = await gc(node)
  expect(removed.sort()).toEqual(
    [...loose.blocks.values()].map(({ cid }) => CID.createV1(0x55, cid.multihash).toString()).sort()
  )
  hold.release()
  expect(await gc(node)).toHaveLength(2)
  await node.pin(pinned.root) // all of it is still here
  expect(await node.stat()).toMatchObject({ numObjects: pinned.blocks.size })
})

test('a lingering hold ends with a pin of its content or with its time', async () => {
  let nowMs = 1_000_000
  const node = await start({ nowMs: () => nowMs })
  const added = tree('p', 1, 2)
  const other = tree('q', 1, 2)
  for (const dag of [added, other]) {
    const hold = node.hold()
    for (const { cid, bytes } of dag.blocks.values()) {
      hold.protect(cid)
      await node.blocks.put(cid, bytes)
    }
    hold.linger(60_000)
  }
  expect(await gc(node)).toEqual([])
  await node.pin(added.root)
  await node.unpin(added.root)
  expect(await gc(node)).toHaveLength(added.blocks.size)
  nowMs += 60_000
  expect(await gc(node)).toHaveLength(other.blocks.size)
})

test('a pin that completes during gc keeps all its blocks', async () => {
  const node = await start()
  const early = tree('r', 2, 3)
  const loose = tree('s', 3, 3)
  await putAll(node, loose)
  await putAll(node, early)
  const collecting = node.gc()
  const first = await collecting.next() // marks are set: `early` was not pinned then
  expect(first.done).toBe(false)
  await node.pin(early.root, { fetch: source(early) })
  await Array.fromAsync(collecting)
  await node.pin(early.root) // without a source: every block must be here
})

test('one gc at a time; breaking off allows the next', async () => {
  const node = await start()
  await putAll(node, tree('t', 2, 3))
  const first = node.gc()
  await first.next()
  await expect(node.gc().next()).rejects.toMatchObject({ code: 'GC_RUNNING' })
  await first.return(undefined)
  expect((await gc(node)).length).toBeGreaterThan(0)
})

test('gc removes nothing when a pinned DAG cannot be followed', async () => {
  const node = await start()
  const dag = tree('u', 2, 2)
  await node.pin(dag.root, { fetch: source(dag) })
  const inner = [...dag.blocks.values()].find(({ cid }) => cid.code === 0x70)
  await node.blocks.delete(inner?.cid ?? dag.root)
  const before = (await node.stat()).numObjects
  await expect(gc(node)).rejects.toMatchObject({ code: 'PIN_INCOMPLETE' })
  expect((await node.stat()).numObjects).toBe(before)
  await node.pin(dag.root, { fetch: source(dag) }) // pinning again repairs
  expect(await gc(node)).toEqual([])
})

test('pins and blocks are there after a restart', async () => {
  const blocksFolder = await mkdtemp(join(tmpdir(), 'node-'))
  const datastore = new MemoryDatastore()
  const dag = tree('v', 2, 2)
  const first = new IpfsNode({ blocksFolder, datastore })
  await first.open()
  await first.pin(dag.root, { fetch: source(dag) })
  await first.close()
  const second = await start({ blocksFolder, datastore })
  expect(await second.pinStatus(dag.root)).toBe('recursive')
  await second.pin(dag.root)
})
