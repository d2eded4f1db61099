import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import type { CrdtConsensus } from '@cluster/consensus-crdt'
import { join } from 'node:path'
import type { Job } from '../job.ts'
import { withFolder } from '../merkle-crdt/bench-store.ts'
import { MemoryStorage } from '../merkle-crdt/memory-storage.ts'
import { commitFor, loneConsensus } from './lone-consensus.ts'

const CALLERS = 64
const SECONDS = 4
const BATCHING = { maxBatchSize: 100, maxBatchAgeMs: 1000, maxQueueSize: 50_000 }

/** Batches of 100 or one second: how many are acknowledged from the journal, and how soon all of them are visible. */
export const batches: Job = async (say) => {
  await withFolder(async (folder) => {
    const level = await LevelPeerDatastore.open(join(folder, 'level'))
    for (const [where, datastore] of [
      ['in memory', new MemoryStorage()],
      ['durable', level]
    ] as const) {
      const consensus = await loneConsensus(datastore, BATCHING)
      const startMs = performance.now()
      const { pins, seconds } = await commitFor(consensus, CALLERS, SECONDS, 0)
      say({ name: `batching 100/1s, ${where}: acknowledged`, value: pins / seconds, unit: 'pins/s' })
      const answeredMs = performance.now()
      await allVisible(consensus)
      const visibleMs = performance.now()
      say({ name: `batching 100/1s, ${where}: visible`, value: (1000 * pins) / (visibleMs - startMs), unit: 'pins/s' })
      say({ name: `batching 100/1s, ${where}: last one visible after`, value: visibleMs - answeredMs, unit: 'ms' })
      await consensus.stop({})
    }
    await level.close()
  })
}

/** Nothing waits for its block any more. */
async function allVisible(consensus: CrdtConsensus): Promise<void> {
  while ((await consensus.health()).waitingOperations > 0) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}
