import type { AbortOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Background } from './background.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { MemberList } from './members.ts'
import type { StatusBoard } from './statuses.ts'
import { waitUntil, withDeadline } from './wait.ts'

/** How long a peer may take to let us in: it asks us back, and additions wait for each other. */
const PEER_ADD_TIMEOUT_MS = 60_000

type Needs = Pick<CoreCollaborators, 'self' | 'consensus' | 'ipfs' | 'network' | 'remote' | 'clock' | 'log'>

/** The parts of the core that take part in a join. */
export interface JoinParts {
  readonly members: MemberList
  readonly heartbeat: Heartbeat
  readonly statuses: StatusBoard
  readonly background: Background
}

/**
 * Joins the cluster of a peer. Swarms, routing and recovery follow in the background.
 *
 * @throws {ClusterError} when the peer cannot be asked or refuses
 * @see behaviours.md §1.13
 */
export async function join(
  core: Needs,
  { members, heartbeat, statuses, background }: JoinParts,
  { monitorPingIntervalMs }: Pick<ClusterConfig, 'monitorPingIntervalMs'>,
  address: Multiaddr,
  options: AbortOptions
): Promise<void> {
  const { self, consensus, network, remote, clock, log } = core
  const peer = await network.importAddress(address, { ...options, dial: false })
  if (peer.equals(self)) return
  await withDeadline(clock, PEER_ADD_TIMEOUT_MS, options.signal, (signal) =>
    remote.call(peer, 'Cluster.PeerAdd', self, { signal })
  )
  heartbeat.logSyntheticPing(peer)
  const grumble = (error: unknown): void => {
    log.warn('metrics could not be published while joining', { error })
  }
  await heartbeat.publishInformers(options).catch(grumble)
  await heartbeat.publishPing(options).catch(grumble)
  background.run('refreshing the routing table', (signal) => network.refreshRouting({ signal }))
  background.run('connecting the IPFS sides', async (signal) => {
    if (await waitUntil(clock, clock.nowMs() + monitorPingIntervalMs, signal)) {
      await connectSwarms(core, members, { signal })
    }
  })
  await consensus.waitForSync(options)
  background.run('recovering pins', (signal) => recoverOwn(statuses, { signal }))
}

/** Connects our IPFS side with those of the other members. */
export async function connectSwarms(
  { self, ipfs }: Pick<Needs, 'self' | 'ipfs'>,
  members: MemberList,
  options: AbortOptions
): Promise<void> {
  const addresses: Multiaddr[] = []
  for await (const { id, ipfs: side } of members.peers(options)) {
    if (!id.equals(self)) addresses.push(...(side.addresses ?? []))
  }
  if (addresses.length > 0) await ipfs.connectSwarms(addresses, options)
}

/** Lets the own tracker retry all that failed. */
export async function recoverOwn(statuses: StatusBoard, options: AbortOptions): Promise<void> {
  const pages = statuses.recoverAllLocal(options)[Symbol.asyncIterator]()
  // The tracker acts as it lists.
  while ((await pages.next()).done !== true);
}
