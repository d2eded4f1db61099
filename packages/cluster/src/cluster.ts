import { CLUSTER_VERSION, type Cluster, type Component, type RpcHandlers } from '@cluster/api'
import { createAllocation, type Allocation } from './allocation.ts'
import { createBackground } from './background.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { connectGraph } from './connect-graph.ts'
import { consensusHealth } from './consensus-health.ts'
import { createContent } from './content.ts'
import { createEvents, type Events } from './events.ts'
import { createHeartbeat } from './heartbeat.ts'
import { join } from './join.ts'
import { createLife } from './life.ts'
import { createMembers } from './members.ts'
import { createPinning } from './pinning.ts'
import { createRepair } from './repair.ts'
import { createRoles } from './roles.ts'
import { createServices } from './services.ts'
import { createHandlers } from './served.ts'
import { createStatusEntries } from './status-entries.ts'
import { createStatuses } from './statuses.ts'
import { createUpkeep } from './upkeep.ts'

/** The conductor of a peer: the port that APIs see, its life, and what it answers to other peers. */
export interface Core extends Cluster, Required<Pick<Component, 'start' | 'stop'>> {
  /** The handlers of RPC methods, to be bound to the wire before `start`. */
  readonly handlers: RpcHandlers
  /** What happened at this peer lately. */
  readonly events: Events
  /** Why peers are, or are not, candidates for a pin. */
  readonly explain: Allocation['explain']
  /** Whether this peer left the cluster or was removed: then call `consensus.clean()` once that has stopped. */
  readonly removed: boolean
  /** Takes out the expired pins that are ours to take out, as the timer does. */
  syncState: (options: { readonly signal?: AbortSignal }) => Promise<void>
}

/**
 * Wires the modules of the core. It has no effect until `start`; collaborators are started before it and stopped
 * after it, APIs the other way round.
 *
 * @see ARCHITECTURE.md §4
 * @see behaviours.md §1
 */
export function createCluster(core: CoreCollaborators, config: ClusterConfig): Core {
  const background = createBackground(core.log)
  const events = createEvents(core.clock)
  const roles = createRoles(config.followerMode)
  const members = createMembers(core)
  const services = createServices(core, members, config)
  const heartbeat = createHeartbeat(core, services, config)
  const allocation = createAllocation(core, members, services, config)
  const pinning = createPinning(core, roles, allocation, config)
  const statuses = createStatuses(core, roles, members, createStatusEntries(core, members))
  const repair = createRepair(core, { roles, members, pinning, events }, config)
  const upkeep = createUpkeep(core, { roles, members, services, allocation, pinning, statuses }, config)
  const content = createContent(core, { roles, members, allocation, pinning }, config)
  const life = createLife(
    core,
    { members, heartbeat, allocation, statuses, repair, services, upkeep, events, background },
    config
  )
  const cluster: Cluster = {
    pins: pinning,
    statuses,
    content,
    upkeep,
    members: {
      id: (options) => members.id(options),
      peers: (options) => members.peers(options),
      add: (peer, options) => members.add(peer, options),
      remove: (peer, options) => repair.removePeer(peer, options),
      join: (address, options) => join(core, { members, heartbeat, statuses, background }, config, address, options)
    },
    health: {
      version: () => ({ version: CLUSTER_VERSION }),
      ready: (options) => life.ready(options),
      connectGraph: (options) => connectGraph(core, members, options),
      consensus: (options) => consensusHealth(core.consensus, options),
      alerts: () => repair.alerts(),
      bandwidth: () => core.bandwidth?.(),
      metricNames: () => core.monitor.metricNames(),
      latestMetrics: (name) => members.metrics(name)
    }
  }
  return {
    ...cluster,
    handlers: createHandlers(core, { cluster, members, statuses, content, heartbeat }),
    events,
    explain: (request) => allocation.explain(request),
    syncState: (options) => repair.syncState(options),
    start: (options) => life.start(options),
    stop: (options) => life.stop(options),
    get removed() {
      return life.removed
    }
  }
}
