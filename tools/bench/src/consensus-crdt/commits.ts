import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { join } from 'node:path'
import type { Job } from '../job.ts'
import { withFolder } from '../merkle-crdt/bench-store.ts'
import { MemoryStorage } from '../merkle-crdt/memory-storage.ts'
import { commitFor, loneConsensus, type Outcome } from './lone-consensus.ts'

const CALLERS = 64
const SECONDS = 3
/** The figures of a round depend on what else the machine does: the rivals take turns. */
const ROUNDS = 3

/** Durable commits of many callers at once, against memory and against one caller, who waits for each fsync. */
export const commits: Job = async (say) => {
  const [memory, disk, alone]: Outcome[][] = [[], [], []]
  let first = 0
  const measure = async (folder: string | undefined, callers: number): Promise<Outcome> => {
    const level = folder === undefined ? undefined : await LevelPeerDatastore.open(folder)
    const consensus = await loneConsensus(level ?? new MemoryStorage())
    const outcome = await commitFor(consensus, callers, SECONDS, first)
    first += outcome.pins
    await consensus.stop({})
    await level?.close()
    return outcome
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    await withFolder(async (folder) => {
      memory?.push(await measure(undefined, CALLERS))
      disk?.push(await measure(join(folder, 'many'), CALLERS))
      alone?.push(await measure(join(folder, 'alone'), 1))
    })
  }
  const [inMemory, durable, one] = [memory, disk, alone].map(rateOf)
  if (inMemory === undefined || durable === undefined || one === undefined) return
  const callers = `${CALLERS.toString()} callers`
  say({ name: `Consensus.commit, ${callers}, in memory`, value: inMemory, unit: 'pins/s' })
  say({ name: `Consensus.commit, ${callers}, durable`, value: durable, unit: 'pins/s' })
  say({ name: 'CPU of a pin, in memory', value: costOf(memory), unit: 'µs' })
  say({ name: 'CPU of a pin, durable', value: costOf(disk), unit: 'µs' })
  say({ name: 'durable ÷ in memory (at least 0.6)', value: durable / inMemory, unit: '×' })
  say({ name: 'Consensus.commit, one caller, durable', value: one, unit: 'pins/s' })
  say({ name: `${callers} ÷ one durable batch a pin (at least 5)`, value: durable / one, unit: '×' })
}

function rateOf(outcomes: readonly Outcome[] = []): number {
  return sumOf(outcomes, ({ pins }) => pins) / sumOf(outcomes, ({ seconds }) => seconds)
}

/** In microseconds. */
function costOf(outcomes: readonly Outcome[] = []): number {
  return (1e6 * sumOf(outcomes, ({ cpuSeconds }) => cpuSeconds)) / sumOf(outcomes, ({ pins }) => pins)
}

function sumOf(outcomes: readonly Outcome[], read: (outcome: Outcome) => number): number {
  return outcomes.reduce((all, one) => all + read(one), 0)
}
