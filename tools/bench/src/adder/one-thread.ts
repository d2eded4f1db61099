import { hash, randomBytes } from 'node:crypto'
import { createAdder } from '@cluster/adder'
import { DEFAULT_ADD_PARAMS, type AddParams, type AddTarget, type FileEntry } from '@cluster/api'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Job } from '../job.ts'

const MIB = 1024 * 1024
const SOURCE_BYTES = 64 * MIB
const PART_BYTES = 64 * 1024
const CHUNK_BYTES = 256 * 1024
const ROUNDS = 4
const FILES = 100_000
const FILE_BYTES = 1024

/** A target that takes everything and keeps nothing. */
async function nowhere(): Promise<AddTarget> {
  const self = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  return {
    self,
    blockAllocate: () => Promise.resolve([self]),
    blockStream: async (_peer, blocks) => {
      const iterator = blocks[Symbol.asyncIterator]()
      while ((await iterator.next()).done !== true);
    },
    pin: (pin) => Promise.resolve(pin),
    getPin: () => Promise.resolve(undefined),
    unpin: () => Promise.resolve()
  }
}

/** So many bytes from memory, in parts as a socket gives them. */
async function* parts(source: Uint8Array, total: number, watch?: () => void): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < total; sent += source.length) {
    watch?.()
    for (let at = 0; at < source.length; at += PART_BYTES) {
      await Promise.resolve()
      yield source.subarray(at, at + PART_BYTES)
    }
  }
}

async function* oneFile(source: Uint8Array, total: number, watch?: () => void): AsyncGenerator<FileEntry> {
  await Promise.resolve()
  yield { type: 'file', path: 'file', content: parts(source, total, watch) }
}

async function* manyFiles(source: Uint8Array): AsyncGenerator<FileEntry> {
  yield { type: 'directory', path: 'd' }
  for (let index = 0; index < FILES; index++) {
    await Promise.resolve()
    const at = (index * FILE_BYTES) % source.length
    const content = parts(source.subarray(at, at + FILE_BYTES), FILE_BYTES)
    yield { type: 'file', path: `d/${index.toString().padStart(6, '0')}`, content }
  }
}

/** Seconds that this thread computed; by the clock it would be what others on this machine do as well. */
async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage()
  await work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1e6
}

async function add(entries: AsyncIterable<FileEntry>, params: Partial<AddParams>, target: AddTarget): Promise<void> {
  const adding = createAdder().add(entries, { ...DEFAULT_ADD_PARAMS, ...params }, target, {})
  while ((await adding.next()).done !== true);
}

function hashAll(source: Uint8Array, total: number): Promise<void> {
  for (let hashed = 0; hashed < total; hashed += CHUNK_BYTES) {
    const at = hashed % source.length
    hash('sha256', source.subarray(at, at + CHUNK_BYTES), 'buffer')
  }
  return Promise.resolve()
}

/** The adder on one thread, from memory to nowhere: chunking, hashing, building the DAG. */
export const oneThread: Job = async (say) => {
  const target = await nowhere()
  const source = randomBytes(SOURCE_BYTES)
  const gib = 1024 * MIB
  await add(oneFile(source, SOURCE_BYTES), {}, target) // warm
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  let sha = 0
  let seconds = 0
  // In turn, so that both have as fast a machine.
  for (let round = 0; round < ROUNDS; round++) {
    sha += await secondsOf(() => hashAll(source, gib / ROUNDS))
    seconds += await secondsOf(() => add(oneFile(source, gib / ROUNDS, watch), {}, target))
  }
  say({ name: 'SHA-256 of 1 GiB, plain', value: gib / sha / 1e6, unit: 'MB/s' })
  say({ name: 'Add of 1 GiB, default chunker, balanced', value: gib / seconds / 1e6, unit: 'MB/s' })
  say({ name: '  of the speed of plain SHA-256 (wanted: 0.60)', value: sha / seconds, unit: 'x' })
  say({ name: '  growth of memory (wanted: 128 at most)', value: (peak - before) / MIB, unit: 'MiB' })
  for (const [chunker, wanted] of [
    ['rabin', 80],
    ['buzhash', 250]
  ] as const) {
    const total = 4 * SOURCE_BYTES
    await add(oneFile(source, SOURCE_BYTES), { chunker }, target)
    const taken = await secondsOf(() => add(oneFile(source, total), { chunker }, target))
    const name = `Add of 256 MiB, ${chunker} (wanted: ${wanted.toString()})`
    say({ name, value: total / taken / 1e6, unit: 'MB/s' })
  }
  const taken = await secondsOf(() => add(manyFiles(source), {}, target))
  say({ name: 'Add of a folder of 100,000 files of 1 KiB (wanted: 15000)', value: FILES / taken, unit: 'files/s' })
}
