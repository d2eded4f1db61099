import { duration, flag, group, integer, peersOrAll, section, text, type Section } from '@cluster/config'
import type { PeerId } from '@libp2p/interface'

/** What {@link crdtConfig} reads from `consensus.crdt`. */
export interface CrdtConfig {
  readonly clusterName: string
  /** Peers whose changes are taken besides our own; `*` for everybody's. */
  readonly trustedPeers: readonly PeerId[] | '*'
  /** On when size and age are both above zero. */
  readonly batching: {
    readonly maxBatchSize: number
    readonly maxBatchAgeMs: number
    readonly maxQueueSize: number
  }
  /** 0 disables repair. */
  readonly repairIntervalMs: number
  readonly rebroadcastIntervalMs: number
  /** Who sends a valid metric of this name is a member. */
  readonly peersetMetric: string
  /** How a peer that lacks blocks gets them from peers of this implementation. Go peers ignore it. */
  readonly catchUp: { readonly enabled: boolean; readonly snapshots: boolean; readonly archive: boolean }
  readonly datastoreNamespace: string
}

/**
 * The section `consensus.crdt`. Present without `trusted_peers`, it trusts nobody else.
 *
 * @see cli-config.md `consensus.crdt`, wire-crdt.md §1.1
 */
export const crdtConfig: Section<CrdtConfig> = section({
  name: 'crdt',
  env: 'CLUSTER_CRDT',
  typeError: 'error unmarshaling crdt config',
  options: {
    cluster_name: text({
      default: 'ipfs-cluster',
      description: 'Peers of one cluster have the same name: it makes the topic of their announcements'
    }),
    trusted_peers: peersOrAll({
      default: '*',
      load: 'Z',
      parseError: 'error parsing trusted peers',
      description: 'Peer IDs whose changes of the pinset are taken; "*" for everybody; none for nobody but this peer'
    }),
    batching: group({
      max_batch_size: integer({
        default: 0,
        load: 'Z',
        description: 'Operations that make a block at once; 0 for no batching'
      }),
      max_batch_age: duration({
        default: 0,
        description: 'How long the first operation of a batch waits; 0s for no batching'
      }),
      max_queue_size: integer({
        default: 50_000,
        omit: true,
        description: 'Operations that may wait for their batch'
      })
    }),
    repair_interval: duration({
      default: 3_600_000,
      description: 'How often a store that is marked dirty is repaired; 0s for never'
    }),
    rebroadcast_interval: duration({
      default: 60_000,
      omit: true,
      description: 'How often heads that nobody mentioned are announced'
    }),
    peerset_metric: text({
      default: 'ping',
      omit: true,
      description: 'Who sends a valid metric of this name is a member'
    }),
    catch_up: group({
      enabled: flag({
        default: true,
        omit: true,
        description: 'Whether missing blocks also come in bulk from peers of this implementation, and go to them'
      }),
      snapshots: flag({
        default: true,
        omit: true,
        description: 'Whether a new peer takes in the pinset of a trusted peer at once, instead of its whole history'
      }),
      archive: flag({
        default: true,
        omit: true,
        description: 'Whether it fetches the history afterwards: peers of other implementations need peers that have it'
      })
    }),
    datastore_namespace: text({ default: '/c', omit: true, description: 'Where the pinset lies in the datastore' })
  },
  validate: ({ clusterName, peersetMetric, rebroadcastIntervalMs, batching, repairIntervalMs }) => {
    if (clusterName === '') return 'crdt.cluster_name cannot be empty'
    if (peersetMetric === '') return 'crdt.peerset_metric needs a name'
    if (rebroadcastIntervalMs <= 0) return 'crdt.rebroadcast_interval is invalid'
    if (batching.maxQueueSize <= 0) return 'crdt.batching.max_queue_size is invalid'
    if (repairIntervalMs < 0) return 'crdt.repair_interval is invalid'
    return undefined
  }
})
