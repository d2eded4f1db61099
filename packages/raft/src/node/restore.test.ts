import { expect, test } from 'vitest'
import { votersOf } from '../configuration.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { RaftError } from '../errors.ts'
import { testEntry } from '../log/log-conformance.fixture.ts'
import { ListMachine, MemoryLog, MemorySnapshots } from './memory.fixture.ts'
import { silent } from './options.ts'
import { bootstrap, restore } from './restore.ts'

/** Snapshots of which the newest cannot be read. */
class DamagedSnapshots extends MemorySnapshots {
  damaged = new Set<number>()

  override async *open(snapshot: Snapshot): AsyncGenerator<Uint8Array> {
    yield* super.open(snapshot)
    if (this.damaged.has(snapshot.index)) throw new RaftError('RAFT_CORRUPT', 'CRC mismatch')
  }
}

async function storage(): Promise<{ log: MemoryLog; snapshots: DamagedSnapshots }> {
  const log = new MemoryLog()
  const snapshots = new DamagedSnapshots()
  await bootstrap({ log, snapshots }, votersOf(['A', 'B']))
  await log.append(Array.from({ length: 9 }, (_, at) => testEntry(at + 2, 2)))
  for (const index of [4, 7]) {
    const of = { index, term: 2, configuration: votersOf(['A', 'B']), configurationIndex: 1 }
    await snapshots.write(of, [new TextEncoder().encode(`["up to ${index}"]`)])
  }
  return { log, snapshots }
}

test('the newest snapshot is used, an older one if that is damaged', async () => {
  const kept = await storage()
  const machine = new ListMachine()
  expect((await restore(kept, machine, silent)).position).toMatchObject({ index: 7, term: 2, configurationIndex: 1 })
  expect(machine.texts).toEqual(['up to 7'])
  kept.snapshots.damaged.add(7)
  expect((await restore(kept, machine, silent)).position.index).toBe(4)
  expect(machine.texts).toEqual(['up to 4'])
  kept.snapshots.damaged.add(4)
  await expect(restore(kept, machine, silent)).rejects.toThrow('failed to load any existing snapshots')
})

test('a log that does not reach to the older snapshot is not enough', async () => {
  const kept = await storage()
  await kept.log.truncateHead(6)
  kept.snapshots.damaged.add(7)
  await expect(restore(kept, new ListMachine(), silent)).rejects.toMatchObject({ code: 'RAFT_CORRUPT' })
})

test('a log that ends before the snapshot, or has another entry there, is dropped', async () => {
  const short = await storage()
  await short.log.append([testEntry(6, 2)], 6)
  const { restored } = await restore(short, new ListMachine(), silent)
  expect([restored.firstIndex, restored.lastIndex]).toEqual([8, 7])
  const other = await storage()
  await other.log.append([testEntry(7, 3), testEntry(8, 3)], 7)
  expect((await restore(other, new ListMachine(), silent)).restored.lastIndex).toBe(7)
})

test('a state that is ahead of its log is refused', async () => {
  const kept = await storage()
  const machine = new ListMachine()
  machine.open = () => Promise.resolve(11)
  await expect(restore(kept, machine, silent)).rejects.toThrow('the state has entry 11, the log ends with 10')
  machine.open = () => Promise.resolve(9)
  expect((await restore(kept, machine, silent)).position).toMatchObject({ index: 9, term: 2 })
})
