import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddedOutput, AddParams, FileEntry, NodeWithMeta } from '@cluster/api'
import { addTo, MemoryAddTarget } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createAdder } from './index.ts'

interface Part {
  readonly path: string
  readonly type: 'file' | 'dir' | 'symlink'
  readonly data?: string
  readonly target?: string
  readonly abspath?: string
  readonly filenameNotEscaped?: boolean
}
interface Event {
  readonly name: string
  readonly cid: string | null
  readonly size?: number
  readonly bytes?: number
}
interface Case {
  readonly name: string
  readonly query: string
  readonly input: readonly Part[] | string
  readonly status: number
  readonly streamError?: string
  readonly events?: readonly Event[]
  readonly eventCount?: number
  readonly eventsSha256?: string
  readonly blockCount: number
  readonly blocks?: readonly string[]
  readonly distinctBlocks?: number
  readonly root?: string
}

const vector = (name: string): URL => new URL(`../../testing/vectors/adder/${name}`, import.meta.url)
const { cases } = JSON.parse(await readFile(vector('cids.json'), 'utf8')) as { cases: readonly Case[] }
const treeFiles = filesOfTar(await readFile(vector('test-tree.tar')))

/** Bytes of SHA-256(`fixture:0`) ‖ SHA-256(`fixture:1`) ‖ … */
function stream(length: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(length / 32) * 32)
  for (let index = 0; index * 32 < length; index++) {
    bytes.set(createHash('sha256').update(`fixture:${index}`).digest(), index * 32)
  }
  return bytes.subarray(0, length)
}

/** The regular files of a tar archive by path. */
function filesOfTar(tar: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const text = (from: number, to: number): string =>
    Buffer.from(tar.subarray(from, to)).toString().replace(/\0.*$/s, '')
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const size = Number.parseInt(text(at + 124, at + 136), 8)
    if (text(at + 156, at + 157) === '0') files.set(text(at, at + 100), tar.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

function dataOf(text: string): Uint8Array {
  const length = /^stream\((\d+)\)$/.exec(text)?.[1]
  if (length !== undefined) return stream(Number(length))
  if (!text.startsWith('text:')) throw new Error(`unknown data: ${text}`)
  return new TextEncoder().encode(text.slice(5))
}

/** Content in parts of odd sizes, as networks give it. */
async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_521) {
    await Promise.resolve()
    yield bytes.subarray(at, at + 65_521)
  }
}

const file = (path: string, data: Uint8Array): FileEntry => ({ type: 'file', path, content: inParts(data) })
const directory = (path: string): FileEntry => ({ type: 'directory', path })

async function* entriesOf({ name, input }: Case): AsyncGenerator<FileEntry> {
  await Promise.resolve()
  if (typeof input !== 'string') yield* input.map((part) => entryOf(part, name))
  else if (input.startsWith('the test tree')) yield* treeEntries()
  else yield* folderEntries(input)
}

function entryOf({ path, type, data = 'text:', target = '', abspath }: Part, name: string): FileEntry {
  if (type === 'dir') return directory(path)
  if (type === 'symlink') return { type, path, target }
  // Unescaping is the work of whoever reads the multipart body.
  const entry = file(name === 'no-filename' ? '' : path.replace(/%2F/g, '/'), dataOf(data))
  return entry.type === 'file' && abspath !== undefined ? { ...entry, source: abspath } : entry
}

function* treeEntries(): Generator<FileEntry> {
  const read = (path: string): FileEntry => {
    const data = treeFiles.get(`test-tree/${path}`)
    if (data === undefined) throw new Error(`the archive lacks ${path}`)
    return file(`testTree/${path}`, data)
  }
  const dir = (path: string): FileEntry => directory(`testTree/${path}`)
  yield directory('testTree')
  yield* [dir('A'), dir('A/alpha'), read('A/alpha/small_file_0'), dir('A/beta'), read('A/beta/small_file_1')]
  yield* [dir('A/delta'), dir('A/delta/empty'), dir('A/gamma'), read('A/gamma/small_file_3'), read('A/small_file_2')]
  yield* [dir('B'), read('B/big_file'), read('B/medium_file')]
}

/** `directory d with files file0 … file2, …` or `directory d with 1024 files holding the text x, names n00000…, …` */
function* folderEntries(sentence: string): Generator<FileEntry> {
  yield directory('d')
  const last = /file0 … file(\d+)/.exec(sentence)?.[1]
  if (last !== undefined) {
    const names = Array.from({ length: Number(last) + 1 }, (_, index) => `file${index}`).sort()
    for (const name of names) yield file(`d/${name}`, new TextEncoder().encode(name))
    return
  }
  const [, count, width] = /with (\d+) files .* to (\d+) characters/.exec(sentence) ?? []
  if (count === undefined || width === undefined) throw new Error(`unknown input: ${sentence}`)
  for (let index = 0; index < Number(count); index++) {
    const name = `n${String(index).padStart(5, '0')}`.padEnd(Number(width), 'x')
    yield file(`d/${name}`, new TextEncoder().encode('x'))
  }
}

function paramsOf(query: string): Partial<AddParams> {
  const search = new URLSearchParams(query)
  const flag = (key: string): boolean => search.get(key) === 'true'
  const cidVersion = Number(search.get('cid-version') ?? 0)
  return {
    cidVersion,
    rawLeaves: search.has('raw-leaves') ? flag('raw-leaves') : cidVersion > 0,
    chunker: search.get('chunker') ?? '',
    hash: search.get('hash') ?? '',
    layout: search.get('layout') === 'trickle' ? 'trickle' : 'balanced',
    wrapWithDirectory: flag('wrap-with-directory'),
    progress: flag('progress'),
    noCopy: flag('nocopy'),
    noPin: flag('no-pin'),
    local: flag('local'),
    name: search.get('name') ?? ''
  }
}

const plain = ({ name, cid, size, bytes }: AddedOutput): Event => ({
  name,
  cid: cid?.toString() ?? null,
  ...(size === 0n ? {} : { size: Number(size) }),
  ...(bytes === 0n ? {} : { bytes: Number(bytes) })
})

/** Without allocations, and without repeats: Go says the last progress of a file up to three times. */
function comparable(events: readonly (Event & { allocations?: unknown })[]): readonly Event[] {
  const plainEvents = events.map(({ name, cid, size, bytes }) => ({
    name,
    cid,
    ...(size === undefined ? {} : { size }),
    ...(bytes === undefined ? {} : { bytes })
  }))
  return plainEvents.filter(
    (event, index) => event.cid !== null || JSON.stringify(event) !== JSON.stringify(plainEvents[index - 1])
  )
}

function sha256OfEvents(events: readonly Event[]): string {
  const hash = createHash('sha256')
  for (const { name, cid, size = 0, bytes = 0 } of events) hash.update(`${name} ${cid ?? 'null'} ${size} ${bytes}\n`)
  return hash.digest('hex')
}

/** A block as the vectors are to be compared: multihash and length. */
const blockKey = (cid: CID, length: number): string => `${Buffer.from(cid.multihash.bytes).toString('hex')} ${length}`
const sentKeys = (blocks: readonly NodeWithMeta[]): ReadonlySet<string> =>
  new Set(blocks.map(({ cid, data }) => blockKey(cid, data.length)))
const recordedKeys = (blocks: readonly string[]): ReadonlySet<string> =>
  new Set(
    blocks.map((line) => {
      const [cid = '', length = ''] = line.split(' ')
      return blockKey(CID.parse(cid), Number(length))
    })
  )

const later = /layout=trickle|chunker=rabin|chunker=buzhash(-|$)|hash=(?!SHA2-256|sha2-256(?!-)|nope|&|$)[^&]/
/** Entries side by side in no directory: Go mixes them up, we do not (behaviours.md §6.3). */
const mixedUp = new Set(['two-top-file-then-dir', 'two-dirs-both', 'reenter-dir'])
/** Parsed by the API before the adder sees them. */
const ofTheApi = (vectorCase: Case): boolean =>
  vectorCase.status === 400 || (vectorCase.events === undefined && vectorCase.eventCount === undefined)

const inScope = cases.filter(
  (vectorCase) => !later.test(vectorCase.query) && !mixedUp.has(vectorCase.name) && !ofTheApi(vectorCase)
)

describe('adder/cids.json', () => {
  it('is used nearly whole', () => {
    expect(inScope.length).toBeGreaterThan(90)
  })

  for (const vectorCase of inScope.filter(({ streamError }) => streamError === undefined)) {
    it(vectorCase.name, { timeout: 30_000 }, async () => {
      const target = new MemoryAddTarget()
      const { events, root } = await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
      const got = events.map(plain)
      if (vectorCase.events !== undefined) expect(comparable(got)).toEqual(comparable(vectorCase.events))
      if (vectorCase.eventsSha256 !== undefined) expect(sha256OfEvents(got)).toBe(vectorCase.eventsSha256)
      expect(root.toString()).toBe(vectorCase.root)
      const sent = target.blocksOf(target.self)
      // The garbage blocks of Go are not sent, so ours are a subset.
      if (vectorCase.blocks !== undefined) {
        expect(recordedKeys(vectorCase.blocks).isSupersetOf(sentKeys(sent))).toBe(true)
      }
      expect(sent.length).toBeLessThanOrEqual(vectorCase.blockCount)
    })
  }

  for (const vectorCase of inScope.filter(({ streamError }) => streamError !== undefined)) {
    it(`${vectorCase.name} fails`, async () => {
      const target = new MemoryAddTarget()
      const adding = addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
      await expect(adding).rejects.toMatchObject({ code: 'BAD_REQUEST', message: vectorCase.streamError })
      expect(target.pinned).toEqual([])
    })
  }

  it('AR-1, AR-6: sends exactly the 28 blocks of the test tree, in the order of the specification', async () => {
    const target = new MemoryAddTarget()
    const { root } = await addTo(createAdder(), target, treeEntries())
    expect(root.toString()).toBe('QmdHXJgxeCFf6qDZqYYmMesV2DbZCVPEdEhj2oVTxP1y7Y')
    const sent = target.blocksOf(target.self)
    expect(sent).toHaveLength(28)
    const recorded = cases.find(({ name }) => name === 'tree-defaults')?.blocks ?? []
    expect(sentKeys(sent)).toEqual(recordedKeys(recorded))
    const files = [...recordedKeys(recorded)].slice(1, 21)
    expect([...sentKeys(sent)].slice(0, 20)).toEqual(files)
    const ends = ['small', 'alpha', 'beta', 'empty', 'delta', 'gamma', 'A', 'B', 'root'].length
    expect(sent.slice(-ends + 1).map(({ cumSize }) => Number(cumSize))).toEqual([
      5190, 5190, 4, 55, 5190, 21005, 3380197, 3401297
    ])
    expect(target.pinned.map(({ cid }) => cid.toString())).toEqual([root.toString()])
  })

  it('keeps top-level entries apart, which Go mixes up', async () => {
    for (const name of mixedUp) {
      const vectorCase = cases.find((candidate) => candidate.name === name)
      if (vectorCase === undefined) throw new Error(`the vectors lack ${name}`)
      const target = new MemoryAddTarget()
      const { events } = await addTo(createAdder(), target, entriesOf(vectorCase))
      expect(events.map((event) => event.name)).toEqual(vectorCase.events?.map((event) => event.name))
      expect(target.pinned.length).toBeGreaterThan(1)
    }
  })
})

describe('adder/chunks.json', () => {
  it('cuts chunks of one size', async () => {
    const chunks = JSON.parse(await readFile(vector('chunks.json'), 'utf8')) as {
      chunker: string
      input: string
      lengths: number[]
    }[]
    const sized = chunks.filter(({ chunker }) => chunker.startsWith('size-'))
    expect(sized.length).toBeGreaterThan(0)
    for (const { chunker, input, lengths } of sized) {
      const target = new MemoryAddTarget()
      await addTo(createAdder(), target, [file('f', dataOf(input))], { chunker, cidVersion: 1, rawLeaves: true })
      const leaves = target.blocksOf(target.self).filter(({ cid }) => cid.code === 0x55)
      expect(leaves.map(({ data }) => data.length)).toEqual(lengths)
    }
  })
})
