import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bootstrap,
  LocalNetwork,
  openFolder,
  RaftNode,
  SegmentLog,
  SnapshotFolder,
  votersOf,
  type Folder,
  type LogEntry,
  type Snapshot,
  type StateMachine
} from '@cluster/raft'

/** A state machine without work: what is measured is Raft. */
class Sink implements StateMachine {
  applied = 0

  open(): Promise<number> {
    return Promise.resolve(0)
  }

  apply(entries: readonly LogEntry[]): Promise<readonly unknown[]> {
    this.applied += entries.length
    return Promise.resolve(entries)
  }

  snapshot(): Promise<Iterable<Uint8Array>> {
    return Promise.resolve([])
  }

  restore(_snapshot: Snapshot, data: AsyncIterable<Uint8Array>): Promise<void> {
    return Array.fromAsync(data).then(() => undefined)
  }
}

/** Servers of one process with logs on the disk. */
export interface BenchCluster {
  readonly leader: RaftNode
  readonly followers: readonly RaftNode[]
  /** Changes of the leader since the start. */
  readonly elections: () => number
  readonly syncs: () => number
  close(): Promise<void>
}

/** @param extraSyncMs - added to each sync, as on a slow disk */
export async function openCluster(count: number, extraSyncMs: number): Promise<BenchCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'raft-bench-'))
  const network = new LocalNetwork()
  const ids = Array.from({ length: count }, (_, at) => `server-${at}`)
  const state = { syncs: 0 }
  const opened = await Promise.all(
    ids.map(async (id) => {
      const log = await SegmentLog.open(slowed(await openFolder(join(folder, id)), extraSyncMs, state))
      const snapshots = new SnapshotFolder(join(folder, id, 'snapshots'))
      await bootstrap({ log, snapshots }, votersOf(ids))
      const node = await RaftNode.open({ id, log, snapshots, machine: new Sink(), transport: network.transport(id) })
      await node.start()
      return { log, node }
    })
  )
  const first = await Promise.any(opened.map(({ node }) => node.until(({ role }) => role === 'leader')))
  const leader = opened.find(({ node }) => node.state.id === first.id)?.node
  if (leader === undefined) throw new Error('nobody leads')
  await leader.readBarrier()
  const { term } = leader.state
  state.syncs = 0
  return {
    leader,
    followers: opened.map(({ node }) => node).filter((node) => node !== leader),
    elections: () => leader.state.term - term,
    syncs: () => state.syncs,
    close: async () => {
      for (const { node } of opened) await node.stop()
      for (const { log } of opened) await log.close()
      await rm(folder, { recursive: true })
    }
  }
}

function slowed(folder: Folder, extraMs: number, state: { syncs: number }): Folder {
  return {
    ...folder,
    open: async (name) => {
      const file = await folder.open(name)
      return {
        read: (position, length) => file.read(position, length),
        write: (position, bytes) => file.write(position, bytes),
        sync: async () => {
          state.syncs += 1
          await file.sync()
          if (extraMs > 0) await new Promise((resolve) => setTimeout(resolve, extraMs))
        },
        size: () => file.size(),
        close: () => file.close()
      }
    }
  }
}
