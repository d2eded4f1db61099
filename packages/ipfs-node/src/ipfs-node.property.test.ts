import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as dagPb from '@ipld/dag-pb'
import { MemoryDatastore } from 'datastore-core'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { expect, test } from 'vitest'
import { IpfsNodeError } from './errors.ts'
import { IpfsNode } from './ipfs-node.ts'

interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
  readonly children: readonly Block[]
}

function block(code: number, bytes: Uint8Array, children: readonly Block[] = []): Block {
  const hash = new Uint8Array(createHash('sha256').update(bytes).digest())
  return { cid: CID.createV1(code, digest.create(0x12, hash)), bytes, children }
}

const leaf = (text: string): Block => block(0x55, new TextEncoder().encode(text))
const node = (...children: Block[]): Block =>
  block(
    0x70,
    dagPb.encode(dagPb.prepare({ Links: children.map(({ cid }, i) => ({ Hash: cid, Name: String(i), Tsize: 1 })) })),
    children
  )

// a small world in which everything shares something with something
const leaves = ['a', 'b', 'c', 'd', 'e'].map(leaf) as [Block, Block, Block, Block, Block]
const low = [node(leaves[0], leaves[1]), node(leaves[1], leaves[2]), node(leaves[3])] as [Block, Block, Block]
const high = [node(low[0], low[1]), node(low[1], low[2], leaves[4])] as [Block, Block]
const roots: readonly Block[] = [...leaves, ...low, ...high]
const world = new Map(roots.map((each) => [each.cid.toString(), each]))

function covered(root: Block, depth: number): Block[] {
  return depth === 0 ? [root] : [root, ...root.children.flatMap((child) => covered(child, depth - 1))]
}

type Action =
  | { type: 'pin'; root: number; depth: number }
  | { type: 'unpin' | 'put'; root: number }
  | { type: 'gc' | 'restart' | 'crash' }

const rootIndex = fc.nat(roots.length - 1)
const concurrent = fc.oneof(
  fc.record({ type: fc.constant('pin' as const), root: rootIndex, depth: fc.constantFrom(-1, -1, 0, 1) }),
  fc.record({ type: fc.constantFrom('unpin' as const, 'put' as const), root: rootIndex }),
  fc.record({ type: fc.constant('gc' as const) })
)
const alone = fc.record({ type: fc.constantFrom('restart' as const, 'crash' as const) })
const batches = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.array(concurrent, { minLength: 1, maxLength: 6 }) }, fc.tuple(alone)),
  { maxLength: 12 }
)

const expectedFailures = ['NOT_PINNED', 'ALREADY_PINNED_RECURSIVELY', 'GC_RUNNING']

async function run(subject: IpfsNode, action: Action): Promise<void> {
  try {
    switch (action.type) {
      case 'pin':
        await subject.pin(at(action.root).cid, {
          depth: action.depth,
          concurrency: 3,
          fetch: { get: (cid) => Promise.resolve((world.get(cid.toString()) ?? at(0)).bytes) }
        })
        break
      case 'unpin':
        await subject.unpin(at(action.root).cid)
        break
      case 'put':
        await subject.blocks.put(at(action.root).cid, at(action.root).bytes)
        break
      case 'gc':
        for await (const { error } of subject.gc()) if (error !== undefined) throw error
        break
      case 'restart':
      case 'crash':
    }
  } catch (error) {
    if (!(error instanceof IpfsNodeError) || !expectedFailures.includes(error.code)) throw error
  }
}

function at(index: number): Block {
  const found = roots[index]
  if (found === undefined) throw new Error('no such block')
  return found
}

async function pinnedKeys(subject: IpfsNode): Promise<Set<string>> {
  const keys = new Set<string>()
  for await (const page of subject.listPins()) {
    for (const { cid, depth } of page) {
      const root = world.get(cid.toString())
      if (root === undefined) throw new Error('a pin from nowhere')
      for (const { cid: each } of covered(root, depth < 0 ? Infinity : depth)) keys.add(textOf(each))
    }
  }
  return keys
}

const textOf = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('hex')

test('whatever happens at the same time, every pinned block is there; gc leaves nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (schedule) => {
      const blocksFolder = await mkdtemp(join(tmpdir(), 'property-'))
      const datastore = new MemoryDatastore()
      let subject = new IpfsNode({ blocksFolder, datastore })
      const all = [subject]
      await subject.open()
      try {
        for (const batch of schedule) {
          await Promise.all(batch.map((action) => run(subject, action)))
          const [first] = batch
          if (first.type === 'restart') await subject.close()
          if (first.type === 'restart' || first.type === 'crash') {
            subject = new IpfsNode({ blocksFolder, datastore })
            all.push(subject)
            await subject.open()
          }
          for (const each of roots) {
            if ((await pinnedKeys(subject)).has(textOf(each.cid))) {
              expect(await subject.blocks.get(each.cid)).toEqual(each.bytes)
            }
          }
        }
        await run(subject, { type: 'gc' })
        const stored = new Set((await Array.fromAsync(subject.blocks.list())).map(textOf))
        expect(stored).toEqual(await pinnedKeys(subject))
        const sizes = roots.filter(({ cid }) => stored.has(textOf(cid))).map(({ bytes }) => bytes.byteLength)
        expect(await subject.stat()).toMatchObject({
          numObjects: stored.size,
          repoSize: sizes.reduce((sum, size) => sum + size, 0)
        })
      } finally {
        for (const each of all) await each.close()
        await rm(blocksFolder, { recursive: true, force: true })
      }
    }),
    { numRuns: 25 }
  )
}, 120_000)
