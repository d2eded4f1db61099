import { PinType, type AddParams, type FileEntry, type NodeWithMeta } from '@cluster/api'
import { addTo, MemoryAddTarget } from '@cluster/testing'
import { decode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { exporter, type ReadableStorage } from 'ipfs-unixfs-exporter'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced, trickle } from 'ipfs-unixfs-importer/layout'
import type { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { createAdder } from './index.ts'

/** A file, or a directory of such. */
interface File {
  readonly seed: number
  readonly length: number
}
type Tree = File | ReadonlyMap<string, Tree>

const isFile = (node: Tree): node is File => 'seed' in node

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).filter((text) => !/[/\0]|^\.\.?$/.test(text))
const leaf = fc.record({ seed: fc.nat(), length: fc.integer({ min: 0, max: 6000 }) })
const { tree } = fc.letrec<{ tree: ReadonlyMap<string, Tree> }>((tie) => ({
  tree: fc
    .uniqueArray(fc.tuple(name, fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('tree'))), {
      maxLength: 5,
      selector: ([text]) => text
    })
    .map((entries) => new Map<string, Tree>(entries))
}))

const shape = fc.record({
  cidVersion: fc.constantFrom(0, 1),
  rawLeaves: fc.boolean(),
  layout: fc.constantFrom('balanced' as const, 'trickle' as const),
  chunker: fc.constantFrom('size-64', 'size-1000', 'rabin-16-64-256', 'rabin-128-512-2000', 'buzhash', ''),
  shard: fc.boolean()
})

/** Content in which hardly two chunks are alike. */
function contentOf({ seed, length }: File): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed + 1
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[index] = state >>> 16
  }
  return bytes
}

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 777) {
    await Promise.resolve()
    yield bytes.slice(at, at + 777)
  }
}

function* entriesOf(path: string, node: Tree): Generator<FileEntry> {
  if (isFile(node)) {
    yield { type: 'file', path, content: inParts(contentOf(node)) }
    return
  }
  yield { type: 'directory', path }
  for (const [child, below] of node) yield* entriesOf(`${path}/${child}`, below)
}

/** Paths below the root with their bytes; directories with none. */
function flat(path: string, node: Tree): [string, string | undefined][] {
  if (isFile(node)) return [[path, hex(contentOf(node))]]
  return [[path, undefined], ...[...node].flatMap(([child, below]) => flat(`${path}/${child}`, below))]
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const byPath = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

function storeOf(blocks: readonly NodeWithMeta[]) {
  const bytes = new Map(blocks.map(({ cid, data }) => [hex(cid.multihash.bytes), data]))
  const get = (cid: CID): Uint8Array => {
    const found = bytes.get(hex(cid.multihash.bytes))
    if (found === undefined) throw new Error(`${cid.toString()} was not sent`)
    return found
  }
  return {
    async *get(cid: CID): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(get(cid))
    },
    bytes: get
  }
}

async function readBack(root: CID, blocks: readonly NodeWithMeta[]): Promise<[string, string | undefined][]> {
  const read: [string, string | undefined][] = []
  const store = storeOf(blocks) as unknown as ReadableStorage
  const visit = async (path: string, cid: CID): Promise<void> => {
    const entry = await exporter(cid, store)
    if (entry.type === 'directory') {
      read.push([path, undefined])
      for await (const child of entry.entries()) await visit(`${path}/${child.name}`, child.cid)
    } else if (entry.type === 'object') {
      throw new Error(`${path} is no UnixFS`)
    } else {
      const parts = await Array.fromAsync<Uint8Array>(entry.content())
      read.push([path, hex(Buffer.concat(parts))])
    }
  }
  await visit('top', root)
  return read
}

async function rootOfImporter(top: Tree, params: Partial<AddParams>): Promise<string> {
  const chunkSize = Number(/\d+/.exec(params.chunker ?? '')?.[0] ?? 262_144)
  const isTrickle = params.layout === 'trickle'
  const options = {
    chunker: fixedSize({ chunkSize }),
    layout: (isTrickle ? trickle : balanced)({ maxChildrenPerNode: 174 }),
    leafType: isTrickle ? ('raw' as const) : ('file' as const),
    reduceSingleLeafToSelf: !isTrickle,
    shardSplitStrategy: 'links-bytes' as const,
    shardSplitThresholdBytes: 262_144,
    cidVersion: params.cidVersion === 1 ? (1 as const) : (0 as const),
    rawLeaves: params.rawLeaves === true
  }
  const candidates = flat('top', top).map(([path, content]) =>
    content === undefined ? { path } : { path, content: Buffer.from(content, 'hex') }
  )
  const store = { put: (cid: CID) => Promise.resolve(cid) }
  let root = ''
  for await (const { path, cid } of importer(candidates, store, options)) {
    if (path === 'top') root = cid.toString()
  }
  return root
}

/** The shards of a root hold every block of it once. @see behaviours.md §6.11 */
function checkShards(target: MemoryAddTarget, root: CID): void {
  const sent = target.blocksOf(target.self)
  const store = storeOf(sent)
  const linksOf = (cid: CID): CID[] => Object.values(decode<Record<string, CID>>(store.bytes(cid)))
  const meta = target.pinned.find(({ cid, type }) => type === PinType.meta && cid.equals(root))
  const dag = target.pinned.find(
    ({ cid, type }) => type === PinType.clusterDag && meta?.reference?.equals(cid) === true
  )
  if (dag === undefined) throw new Error('there is no cluster DAG')
  expect(dag.reference?.equals(root)).toBe(true)
  const shards = linksOf(dag.cid)
  const links = shards.flatMap(linksOf).map((cid) => hex(cid.multihash.bytes))
  expect(new Set(links).size).toBe(links.length)
  const parts = new Set([dag.cid, ...shards].map((cid) => hex(cid.multihash.bytes)))
  const content = sent.map(({ cid }) => hex(cid.multihash.bytes)).filter((key) => !parts.has(key))
  expect(new Set(links)).toEqual(new Set(content))
}

it(
  'gives back any tree by whatever options, and the root that js-ipfs makes where they agree',
  { timeout: 120_000 },
  async () => {
    const property = fc.asyncProperty(tree, shape, async (top, options) => {
      const params = { ...options, shardSize: 4000n, chunker: options.shard ? 'size-1000' : options.chunker }
      const target = new MemoryAddTarget()
      const { root } = await addTo(createAdder(), target, entriesOf('top', top), params)
      const read = await readBack(root, target.blocksOf(target.self))
      expect(read.sort(byPath)).toEqual(flat('top', top).sort(byPath))
      if (params.shard) checkShards(target, root)
      const agrees = !/rabin|buzhash/.test(params.chunker)
      if (agrees) expect(root.toString()).toBe(await rootOfImporter(top, params))
    })
    await fc.assert(property, { numRuns: 80 })
  }
)

it('gives back any file by every hash function', async () => {
  const names = 'sha1 sha2-512 sha3-256 keccak-256 blake2b-256 blake2s-256 blake3 dbl-sha2-256 sha3-512'.split(' ')
  const property = fc.asyncProperty(leaf, fc.constantFrom(...names), fc.boolean(), async (file, hash, rawLeaves) => {
    const target = new MemoryAddTarget()
    const params = { cidVersion: 1, hash, rawLeaves, chunker: 'size-500' }
    const { root } = await addTo(createAdder(), target, entriesOf('top', file), params)
    expect(await readBack(root, target.blocksOf(target.self))).toEqual(flat('top', file))
  })
  await fc.assert(property, { numRuns: 40 })
})
