import { trackerStatusToString, type GlobalPinInfo, type Pin, type TrackerStatus } from '@cluster/api'
import { MemoryCluster, settle, type MemoryClusterOptions, type MemoryCollaborators } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, expect } from 'vitest'
import {
  createCluster,
  DEFAULT_CLUSTER_CONFIG,
  type ClusterConfig,
  type Core,
  type CoreMemory,
  type RepairConfig,
  type Scratch
} from './index.ts'

const RAW = 0x55
/** Longer than metrics are valid: after it a peer that is gone is no member any more. */
const EXPIRY_MS = 31_000

/** The CID of some text. */
export const cidOf = async (text: string): Promise<CID> => CID.createV1(RAW, await sha256.digest(Buffer.from(text)))

/** Some CIDs, always the same ones. */
export const cids = async (count: number): Promise<CID[]> =>
  await Promise.all(Array.from({ length: count }, (_, index) => cidOf(`content ${index}`)))

/** Starts peers with real cores over collaborators in memory; a test file gets its own starter by one call. */
export type StartPeers = (
  peers: number,
  config?: Partial<ClusterConfig>,
  options?: Partial<MemoryClusterOptions>,
  configOf?: (index: number) => Partial<ClusterConfig>,
  /** What the first peer keeps beyond its end. */
  memory?: CoreMemory,
  scratch?: Scratch
) => Promise<MemoryCluster<Core>>

/** A starter whose clusters are stopped after each test; what they leave behind fails it. */
export function peersOfTest(): StartPeers {
  const clusters: MemoryCluster<Core>[] = []
  afterEach(async () => {
    for (const cluster of clusters.splice(0)) {
      await cluster.stop()
      await settle()
      expect(cluster.clock.pending).toBe(0)
    }
  })
  return async (peers, config = {}, options = {}, configOf = () => ({}), memory, scratch) => {
    const make = (core: MemoryCollaborators, index: number): Core =>
      createCluster(index === 0 ? { ...core, memory, scratch } : core, {
        ...DEFAULT_CLUSTER_CONFIG,
        ...config,
        ...configOf(index)
      })
    const cluster = new MemoryCluster(make, { ...options, peers })
    clusters.push(cluster)
    await cluster.start()
    return cluster
  }
}

/** Time until a peer that is gone has expired everywhere, and its alerts are handled. */
export const expire = async (cluster: MemoryCluster<Core>): Promise<void> => {
  await cluster.pass(EXPIRY_MS)
  for (const { monitor } of cluster.peers) monitor.check()
  await cluster.settle()
}

/** The names of peers. */
export const named = (cluster: MemoryCluster<Core>, peers: readonly { toString(): string }[] | undefined): string[] =>
  (peers ?? []).map((peer) => cluster.peers.find(({ self }) => self.toString() === peer.toString())?.peername ?? '?')

/** The statuses by name of peer. */
export const shown = (info: GlobalPinInfo): Record<string, string> =>
  Object.fromEntries(
    [...(info.peerMap ?? [])]
      .map(([, { peername, status }]) => [peername, trackerStatusToString(status)])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  ) as Record<string, string>

/** Fewest and most copies. */
export const factors = (min: number, max: number): Pick<Pin, 'replicationFactorMin' | 'replicationFactorMax'> => ({
  replicationFactorMin: min,
  replicationFactorMax: max
})

/** The status of everything. */
export const all = async (core: Core, filter: TrackerStatus): Promise<GlobalPinInfo[]> =>
  (await Array.fromAsync(core.statuses.statusAll(filter, {}))).flat()

/** A configuration that looks after pins. */
export const repairing = (repair: Partial<RepairConfig>): { repair: RepairConfig } => ({
  repair: { ...DEFAULT_CLUSTER_CONFIG.repair, ...repair }
})

/** The names of those that hold a pin. */
export const holders = async (cluster: MemoryCluster<Core>, cid: CID): Promise<string[]> =>
  named(cluster, (await cluster.peer(0).core.pins.get(cid, {})).allocations).sort()
