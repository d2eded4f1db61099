import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddedOutput, AddParams, FileEntry } from '@cluster/api'

interface Part {
  readonly path: string
  readonly type: 'file' | 'dir' | 'symlink'
  readonly data?: string
  readonly target?: string
  readonly abspath?: string
  readonly filenameNotEscaped?: boolean
}
export interface Event {
  readonly name: string
  readonly cid: string | null
  readonly size?: number
  readonly bytes?: number
}
export interface Case {
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
  /** Content of the one part `t.car`. */
  readonly bodyHex?: string
}

const vector = (name: string): URL => new URL(`../../testing/vectors/adder/${name}`, import.meta.url)

/** The cases of one file of the vectors. */
export async function casesOf<T extends Case>(file: string): Promise<readonly T[]> {
  return (JSON.parse(await readFile(vector(file), 'utf8')) as { cases: readonly T[] }).cases
}

const treeFiles = filesOfTar(await readFile(vector('test-tree.tar')))

const streams = new Map<number, Uint8Array>()

/** Bytes of SHA-256(`fixture:0`) ‖ SHA-256(`fixture:1`) ‖ … */
function stream(length: number): Uint8Array {
  const known = streams.get(length)
  if (known !== undefined) return known
  const bytes = new Uint8Array(Math.ceil(length / 32) * 32)
  for (let index = 0; index * 32 < length; index++) {
    bytes.set(createHash('sha256').update(`fixture:${index}`).digest(), index * 32)
  }
  streams.set(length, bytes.subarray(0, length))
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

/** In the order in which they were made. */
const generated = ['A/alpha/small_file_0', 'A/beta/small_file_1', 'A/small_file_2', 'A/gamma/small_file_3']

/**
 * What the generator of the test tree gives next. It is a lagged Fibonacci generator of which 56 bits a step are
 * written, the lowest byte first; addition carries upwards only, so the bytes of the tree are all that is needed.
 */
function randomAfterTree(length: number): Uint8Array {
  const files = [...generated, 'B/medium_file', 'B/big_file'].map((path) => treeFiles.get(`test-tree/${path}`))
  const tree = Buffer.concat(files.map((data) => data ?? new Uint8Array()))
  const steps = Math.ceil((tree.length + length) / 7)
  const bytes = Buffer.alloc(steps * 7)
  tree.copy(bytes)
  for (let step = Math.floor(tree.length / 7); step < steps; step++) {
    let carry = 0
    for (let at = 0; at < 7; at++) {
      const sum = (bytes[(step - 607) * 7 + at] ?? 0) + (bytes[(step - 273) * 7 + at] ?? 0) + carry
      const place = step * 7 + at
      if (place >= tree.length) bytes[place] = sum
      carry = sum >> 8
    }
  }
  return bytes.subarray(tree.length, tree.length + length)
}

function dataOf(text: string): Uint8Array {
  const length = /^stream\((\d+)\)$/.exec(text)?.[1]
  if (length !== undefined) return stream(Number(length))
  if (text.startsWith('hex:')) return Buffer.from(text.slice(4), 'hex')
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

export async function* entriesOf({ name, input, bodyHex }: Case): AsyncGenerator<FileEntry> {
  await Promise.resolve()
  if (bodyHex !== undefined) yield file('t.car', Buffer.from(bodyHex, 'hex'))
  else if (typeof input !== 'string') yield* input.map((part) => entryOf(part, name))
  else if (input.startsWith('the test tree')) yield* treeEntries()
  else if (input.startsWith('one file part rand50M')) yield file('rand50M', randomAfterTree(50 * 1024 * 1024))
  else yield* folderEntries(input)
}

function entryOf({ path, type, data = 'text:', target = '', abspath }: Part, name: string): FileEntry {
  if (type === 'dir') return directory(path)
  if (type === 'symlink') return { type, path, target }
  // Unescaping is the work of whoever reads the multipart body.
  const entry = file(name === 'no-filename' ? '' : path.replace(/%2F/g, '/'), dataOf(data))
  return entry.type === 'file' && abspath !== undefined ? { ...entry, source: abspath } : entry
}

export function* treeEntries(): Generator<FileEntry> {
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

export function paramsOf(query: string): Partial<AddParams> {
  const search = new URLSearchParams(query)
  const flag = (key: string): boolean => search.get(key) === 'true'
  const cidVersion = Number(search.get('cid-version') ?? 0)
  return {
    cidVersion,
    rawLeaves: search.has('raw-leaves') ? flag('raw-leaves') : cidVersion > 0,
    chunker: search.get('chunker') ?? '',
    hash: search.get('hash') ?? '',
    format: search.get('format') === 'car' ? 'car' : 'unixfs',
    shard: flag('shard'),
    shardSize: BigInt(search.get('shard-size') ?? 0),
    replicationFactorMin: Number(search.get('replication-min') ?? 0),
    layout: search.get('layout') === 'trickle' ? 'trickle' : 'balanced',
    wrapWithDirectory: flag('wrap-with-directory'),
    progress: flag('progress'),
    noCopy: flag('nocopy'),
    noPin: flag('no-pin'),
    local: flag('local'),
    name: search.get('name') ?? ''
  }
}

export const plain = ({ name, cid, size, bytes }: AddedOutput): Event => ({
  name,
  cid: cid?.toString() ?? null,
  ...(size === 0n ? {} : { size: Number(size) }),
  ...(bytes === 0n ? {} : { bytes: Number(bytes) })
})

/** Without allocations, and without repeats: Go says the last progress of a file up to three times. */
export function comparable(events: readonly (Event & { allocations?: unknown })[]): readonly Event[] {
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

export function sha256OfEvents(events: readonly Event[]): string {
  const hash = createHash('sha256')
  for (const { name, cid, size = 0, bytes = 0 } of events) hash.update(`${name} ${cid ?? 'null'} ${size} ${bytes}\n`)
  return hash.digest('hex')
}
