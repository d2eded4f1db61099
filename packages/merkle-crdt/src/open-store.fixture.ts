import { Inbox, ManualClock, MemoryDatastore, memoryLogger, RemoteBlocks, seededRandom } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { DagBlocks, decodeBroadcast, encodeBroadcast, MerkleCrdt, type MerkleCrdtInit } from './index.ts'

/** A store under test, and all that it has to do with. */
export interface OpenStore {
  readonly store: MerkleCrdt
  readonly storage: MemoryDatastore
  readonly blocks: DagBlocks
  readonly clock: ManualClock
  /** Blocks that other peers have. */
  readonly remote: RemoteBlocks
  readonly inbox: Inbox
  /** What was announced, as lists of heads. */
  readonly sent: () => string[][]
  readonly hear: (...heads: CID[]) => Promise<void>
}

/** Opens a store in memory that repairs nothing by itself, unless `init` says otherwise. */
export async function openStore(
  init: Partial<MerkleCrdtInit> & { storage?: MemoryDatastore } = {}
): Promise<OpenStore> {
  const storage = init.storage ?? new MemoryDatastore()
  const blocks = new DagBlocks(storage, '/c')
  const [clock, remote, inbox] = [new ManualClock(), new RemoteBlocks(), new Inbox()]
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks,
    exchange: remote.over(blocks),
    broadcaster: inbox,
    clock,
    random: seededRandom(7),
    log: memoryLogger(),
    repairIntervalMs: 0,
    ...init
  })
  return {
    store,
    storage,
    blocks,
    clock,
    remote,
    inbox,
    sent: () => inbox.sent.map((data) => decodeBroadcast(data).map(String)),
    hear: (...heads) => inbox.deliver(encodeBroadcast(heads))
  }
}
