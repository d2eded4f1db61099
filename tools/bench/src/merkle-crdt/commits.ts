import { join } from 'node:path'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import type { CrdtStorage } from '@cluster/merkle-crdt'
import { Key } from 'interface-datastore'
import type { Job } from '../job.ts'
import { pinPair } from './bench-pins.ts'
import { openStore, withFolder } from './bench-store.ts'
import { MemoryStorage } from './memory-storage.ts'

const CALLERS = 64
const SECONDS = 4
/** The figures of a round depend on what else the disk does: the rivals take turns. */
const ROUNDS = 2
/** Keys that one pin writes besides its block: element, value, priority, mark, head. */
const KEYS_OF_A_PIN = 5

interface Sum {
  pins: number
  seconds: number
}

/** Durable commits of many callers at once, against memory and against one durable batch a pin. */
export const commits: Job = async (say) => {
  const sums = { memory: zero(), disk: zero(), alone: zero(), batches: zero() }
  let next = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    next = await commit(new MemoryStorage(), CALLERS, next, sums.memory)
    await withFolder(async (folder) => {
      const storage = await LevelPeerDatastore.open(join(folder, 'many'))
      next = await commit(storage, CALLERS, next, sums.disk)
      await storage.close()
      const alone = await LevelPeerDatastore.open(join(folder, 'alone'))
      next = await commit(alone, 1, next, sums.alone)
      await alone.close()
      const batches = await LevelPeerDatastore.open(join(folder, 'batches'))
      next = await commitBatches(batches, next, sums.batches)
      await batches.close()
    })
  }
  const [memory, disk, alone, batches] = [sums.memory, sums.disk, sums.alone, sums.batches].map(
    ({ pins, seconds }) => pins / seconds
  )
  if (memory === undefined || disk === undefined || alone === undefined || batches === undefined) return
  const callers = `${CALLERS.toString()} callers`
  say({ name: `commits, ${callers}, in memory`, value: memory, unit: 'pins/s' })
  say({ name: `commits, ${callers}, durable`, value: disk, unit: 'pins/s' })
  say({ name: 'durable ÷ in memory (at least 0.6)', value: disk / memory, unit: '×' })
  say({ name: 'commits, one caller: one durable batch a pin', value: alone, unit: 'pins/s' })
  say({ name: `${callers} ÷ one durable batch a pin (at least 5)`, value: disk / alone, unit: '×' })
  say({ name: 'bare LevelDB, one durable batch a pin', value: batches, unit: 'pins/s' })
  say({ name: `${callers} ÷ bare LevelDB`, value: disk / batches, unit: '×' })
}

function zero(): Sum {
  return { pins: 0, seconds: 0 }
}

/** Commits pins one by one with so many callers, each of which waits for its answer. Returns the number of the next pin. */
async function commit(storage: CrdtStorage, callers: number, first: number, sum: Sum): Promise<number> {
  const store = await openStore(storage, { broadcaster: deaf })
  let next = first
  const endMs = performance.now() + SECONDS * 1000
  const startMs = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < endMs) {
        await store.commit([{ type: 'put', ...pinPair(next++) }])
        sum.pins += 1
      }
    })
  )
  sum.seconds += (performance.now() - startMs) / 1000
  await store.close()
  return next
}

/** What a program does that knows no group commit: the entries of one pin, one after the other. */
async function commitBatches(storage: LevelPeerDatastore, first: number, sum: Sum): Promise<number> {
  let next = first
  const startMs = performance.now()
  while (performance.now() < startMs + SECONDS * 1000) {
    const { key, value } = pinPair(next++)
    const operations = Array.from({ length: KEYS_OF_A_PIN }, (_, index) => ({
      put: { key: new Key(`/c/${index.toString()}${key}`, false), value }
    }))
    await storage.commit(operations, { durable: true })
    sum.pins += 1
  }
  sum.seconds += (performance.now() - startMs) / 1000
  return next
}

/** A topic with nobody on it. */
const deaf = {
  broadcast: () => Promise.resolve(),
  messages: async function* ({ signal }: { signal?: AbortSignal }): AsyncGenerator<Uint8Array> {
    await new Promise<void>((resolve) => {
      signal?.addEventListener('abort', () => {
        resolve()
      })
    })
    yield* []
  }
}
