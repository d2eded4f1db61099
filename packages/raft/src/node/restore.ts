import type { PlacedConfiguration } from '../core/server-set.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Restored } from '../core/state.ts'
import { EntryType } from '../entry.ts'
import { checkConfiguration, type Configuration } from '../configuration.ts'
import { RaftError } from '../errors.ts'
import type { RaftLog, RaftLogger, SnapshotStore, StateMachine } from '../ports.ts'
import { configurationOf, encodeConfiguration } from '../wire/configuration.ts'
import { sealEntry } from '../wire/entry.ts'
import type { Applied } from './applier.ts'

/** What a server keeps. */
export interface RaftStorage {
  readonly log: RaftLog
  readonly snapshots: SnapshotStore
}

const SCAN_BYTES = 4 * 1024 * 1024

/** Whether a server ever ran on this storage. @see wire-raft.md §1.3 */
export async function hasState({ log, snapshots }: RaftStorage): Promise<boolean> {
  return log.getStable().term > 0 || log.lastIndex > 0 || (await snapshots.list()).length > 0
}

/**
 * Makes the first entry of a new cluster: these servers. Each of them may do so with the same servers.
 *
 * @throws RaftError `RAFT_NOT_EMPTY` when a server ran on this storage, `RAFT_BAD_CONFIGURATION`
 * @see wire-raft.md §1.3
 */
export async function bootstrap(storage: RaftStorage, configuration: Configuration): Promise<void> {
  checkConfiguration(configuration)
  if (await hasState(storage)) throw new RaftError('RAFT_NOT_EMPTY', 'existing Raft state found')
  const data = encodeConfiguration(configuration)
  await storage.log.setStable({ term: 1, voteTerm: 0, vote: '' })
  const { configuration: type } = EntryType
  await storage.log.append([sealEntry({ index: 1, term: 1, type, data, extensions: undefined, appendedAt: undefined })])
}

/** Brings log, snapshots and state machine to one point. @see wire-raft.md §3.11 */
export async function restore(
  { log, snapshots }: RaftStorage,
  machine: StateMachine,
  logger: RaftLogger
): Promise<{ readonly restored: Restored; readonly position: Applied; readonly needsSnapshot: boolean }> {
  const applied = await machine.open()
  const snapshot = await usableSnapshot(snapshots, machine, applied, logger)
  const base = Math.max(applied, snapshot?.index ?? 0)
  if (snapshot !== undefined && (log.lastIndex < snapshot.index || conflicts(log, snapshot))) {
    await log.reset(snapshot.index + 1)
  }
  if (log.firstIndex > base + 1) {
    throw new RaftError('RAFT_CORRUPT', `the log begins with entry ${log.firstIndex}, the state ends with ${base}`)
  }
  if (applied > Math.max(log.lastIndex, snapshot?.index ?? 0)) {
    throw new RaftError('RAFT_CORRUPT', `the state has entry ${applied}, the log ends with ${log.lastIndex}`)
  }
  const configurations = await scan(log, (snapshot?.index ?? 0) + 1)
  const placed = [
    ...(snapshot === undefined ? [] : [{ index: snapshot.configurationIndex, configuration: snapshot.configuration }]),
    ...configurations
  ].findLast(({ index }) => index <= base)
  const term = base === snapshot?.index ? snapshot.term : (log.termAt(base) ?? 0)
  const position: Applied = {
    index: base,
    term,
    configuration: placed?.configuration ?? { servers: [] },
    configurationIndex: placed?.index ?? 0
  }
  const { firstIndex, lastIndex } = log
  const restored: Restored = {
    stable: log.getStable(),
    firstIndex,
    lastIndex,
    terms: log.terms(),
    snapshot,
    configurations,
    appliedIndex: applied
  }
  return { restored, position, needsSnapshot: firstIndex > (snapshot?.index ?? 0) + 1 }
}

/** The newest snapshot; one whose data is needed must be whole, so older ones are tried. */
async function usableSnapshot(
  store: SnapshotStore,
  machine: StateMachine,
  applied: number,
  logger: RaftLogger
): Promise<Snapshot | undefined> {
  const snapshots = await store.list()
  for (const snapshot of snapshots) {
    if (snapshot.index <= applied) return snapshot
    try {
      await machine.restore(snapshot, store.open(snapshot))
      return snapshot
    } catch (error) {
      logger.error(`snapshot ${snapshot.id} cannot be used`, { error })
    }
  }
  if (snapshots.length === 0) return undefined
  throw new RaftError('RAFT_CORRUPT', 'failed to load any existing snapshots')
}

/** Whether the log has another entry where the snapshot ends. */
function conflicts(log: RaftLog, { index, term }: Snapshot): boolean {
  const own = log.termAt(index)
  return own !== undefined && own !== term
}

async function scan(log: RaftLog, after: number): Promise<PlacedConfiguration[]> {
  const found: PlacedConfiguration[] = []
  for (let from = Math.max(after, log.firstIndex); from <= log.lastIndex;) {
    const entries = await log.read(from, log.lastIndex, SCAN_BYTES)
    if (entries === undefined || entries.length === 0) {
      throw new RaftError('RAFT_CORRUPT', `entry ${from} is missing in the log`)
    }
    for (const entry of entries) {
      const configuration = configurationOf(entry)
      if (configuration !== undefined) found.push({ index: entry.index, configuration })
    }
    from += entries.length
  }
  return found
}
