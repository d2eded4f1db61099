import { join } from 'node:path'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import {
  createNode,
  DagBlocks,
  encodeBroadcast,
  type CrdtPair,
  type DagExchange,
  type DeltaNode
} from '@cluster/merkle-crdt'
import type { Job } from '../job.ts'
import { pinPair } from './bench-pins.ts'
import { NAMESPACE, openStore, withFolder } from './bench-store.ts'

const PINS = 100_000
/** As `batching.max_batch_size` of a peer that batches. */
const BATCH = 100

/** A fresh replica takes in a history whose blocks are in this process: what is left is merging and writing. */
export const firstSync: Job = async (say) => {
  for (const pinsOfBlock of [BATCH, 1]) {
    const name = `first sync, ${PINS.toString()} pins, ${pinsOfBlock.toString()} a block`
    const { wall, cpu } = await sync(pinsOfBlock)
    say({ name, value: PINS / wall, unit: 'pins/s' })
    say({ name: `${name}, a second of CPU`, value: PINS / cpu, unit: 'pins/s' })
  }
}

function history(pinsOfBlock: number): { blocks: Map<string, Uint8Array>; head: DeltaNode } {
  const blocks = new Map<string, Uint8Array>()
  let head: DeltaNode | undefined
  for (let first = 0, height = 1n; first < PINS; first += pinsOfBlock, height += 1n) {
    const elements: CrdtPair[] = Array.from({ length: pinsOfBlock }, (_, index) => pinPair(first + index))
    head = createNode({ elements, tombstones: [], priority: height }, head === undefined ? [] : [head.cid])
    blocks.set(head.cid.toString(), head.bytes)
  }
  if (head === undefined) throw new Error('no pins')
  return { blocks, head }
}

/** Seconds of the clock, and of all threads. */
async function sync(pinsOfBlock: number): Promise<{ wall: number; cpu: number }> {
  const { blocks, head } = history(pinsOfBlock)
  return withFolder(async (folder) => {
    const storage = await LevelPeerDatastore.open(join(folder, 'leveldb'))
    const own = new DagBlocks(storage, NAMESPACE)
    const exchange: DagExchange = {
      put: (stored) => own.put(stored),
      createSession: () => ({
        close: () => undefined,
        get: async (cid) => {
          const bytes = blocks.get(cid.toString())
          if (bytes === undefined) throw new Error('no such block')
          await own.put([{ cid, bytes }])
          return bytes
        }
      })
    }
    const announced = Promise.withResolvers<Uint8Array>()
    const store = await openStore(storage, {
      blocks: own,
      exchange,
      broadcaster: {
        broadcast: () => Promise.resolve(),
        messages: async function* ({ signal }) {
          yield await announced.promise
          await new Promise<void>((resolve) => {
            signal?.addEventListener('abort', () => {
              resolve()
            })
          })
        }
      }
    })
    const synced = new Promise<void>((resolve) => {
      store.addEventListener('state', ({ detail }) => {
        if (detail.state === 'synced') resolve()
      })
    })
    const startMs = performance.now()
    const before = process.cpuUsage()
    announced.resolve(encodeBroadcast([head.cid]))
    await synced
    const wall = (performance.now() - startMs) / 1000
    const { user, system } = process.cpuUsage(before)
    const cpu = (user + system) / 1e6
    const { merged } = store.status().counters
    if (merged !== blocks.size) throw new Error(`${merged.toString()} of ${blocks.size.toString()} blocks`)
    await store.close()
    await storage.close()
    return { wall, cpu }
  })
}
