import type { Counter, CounterGroup, Metric, Metrics } from '@libp2p/interface'

/**
 * What a peer counts for its operators: names, kinds and texts are those of the reference, so that dashboards made for
 * it go on working. All but the last are 0 from the start.
 *
 * @see cli-config.md §6.1
 */
export const PEER_METRICS = {
  pins: { name: 'ipfscluster_pins', type: 'gauge', help: 'Total number of cluster pins' },
  pinQueued: {
    name: 'ipfscluster_pins_pin_queued',
    type: 'gauge',
    help: 'Current number of pins queued for pinning'
  },
  pinning: { name: 'ipfscluster_pins_pinning', type: 'gauge', help: 'Current number of pins currently pinning' },
  pinError: {
    name: 'ipfscluster_pins_pin_error',
    type: 'gauge',
    help: 'Current number of pins in pin_error state'
  },
  ipfsPins: { name: 'ipfscluster_pins_ipfs_pins', type: 'gauge', help: 'Current number of items pinned on IPFS' },
  pinAdd: { name: 'ipfscluster_pins_pin_add', type: 'counter', help: 'Total number of IPFS pin requests' },
  pinAddErrors: {
    name: 'ipfscluster_pins_pin_add_errors',
    type: 'counter',
    help: 'Total number of failed pin requests'
  },
  blocksPut: { name: 'ipfscluster_blocks_put', type: 'counter', help: 'Total number of blocks/put requests' },
  blocksAddedSize: {
    name: 'ipfscluster_blocks_added_size',
    type: 'counter',
    help: 'Total size of blocks added in bytes'
  },
  blocksAdded: { name: 'ipfscluster_blocks_added', type: 'counter', help: 'Total number of blocks added' },
  blocksPutErrors: {
    name: 'ipfscluster_blocks_put_errors',
    type: 'counter',
    help: 'Total number of block/put errors'
  },
  informerDisk: {
    name: 'ipfscluster_informer_disk',
    type: 'gauge',
    help: 'The metric value weight issued by disk informer'
  }
} as const satisfies Record<string, { name: `ipfscluster_${string}`; type: 'gauge' | 'counter'; help: string }>

/** What an IPFS connector counts. */
export interface IpfsCounters {
  /** Items pinned on IPFS, as far as the connector has been told: set by a full listing. */
  readonly ipfsPins: Metric
  /** Pins asked of IPFS, without those that it had already. */
  readonly pinAdd: Counter
  readonly pinAddErrors: Counter
  /** Streams of blocks, or requests that they were cut into. */
  readonly blocksPut: Counter
  readonly blocksPutErrors: Counter
  readonly blocksAdded: Counter
  /** In bytes. */
  readonly blocksAddedSize: Counter
}

/** The counters of an IPFS connector, 0 from now on; `undefined` where nothing is counted. */
export function ipfsCounters(metrics: Metrics | undefined): IpfsCounters | undefined {
  if (metrics === undefined) return undefined
  const counter = ({ name, help }: { name: string; help: string }): Counter => metrics.registerCounter(name, { help })
  const { ipfsPins, pinAdd, pinAddErrors, blocksPut, blocksPutErrors, blocksAdded, blocksAddedSize } = PEER_METRICS
  const pins = metrics.registerMetric(ipfsPins.name, { help: ipfsPins.help })
  pins.update(0)
  return {
    ipfsPins: pins,
    pinAdd: counter(pinAdd),
    pinAddErrors: counter(pinAddErrors),
    blocksPut: counter(blocksPut),
    blocksPutErrors: counter(blocksPutErrors),
    blocksAdded: counter(blocksAdded),
    blocksAddedSize: counter(blocksAddedSize)
  }
}

/** A limit of a peer; the value of the label `limit`. */
export type PeerLimit =
  /** Operations waiting in the tracker. */
  | 'tracker_queue'
  /** Operations waiting for one CID. */
  | 'operations_per_cid'
  /** Items of one answer that are held at once. */
  | 'answer_items'
  /** Files and directories of one add, or the length of a name. */
  | 'add_entries'
  /** Changes of the pinset that wait for their block, or their size. */
  | 'pinset_changes'
  /** Metrics of one peer, or the size of a message with one. */
  | 'monitor_metrics'
  /** Gossip messages that wait for their reader. */
  | 'gossip_messages'
  /** Blocks asked of other peers at once, or their size. */
  | 'exchange_wants'
  /** RPC calls at once, or the size of a value. */
  | 'rpc'
  /** HTTP connections at once. */
  | 'http_connections'
  /** Room of the embedded IPFS node, or the size of a block or DAG. */
  | 'ipfs_storage'

/** Counts that limits were reached. */
export type LimitCounter = (limit: PeerLimit) => void

/**
 * The counter `ipfscluster_limits_reached`, shared by all components under the label `limit`. Without metrics it does
 * nothing.
 *
 * @see ARCHITECTURE.md §9 rule 5
 */
export function limitCounter(metrics: Metrics | undefined): LimitCounter {
  const group: CounterGroup | undefined = metrics?.registerCounterGroup('ipfscluster_limits_reached', {
    label: 'limit',
    help: 'How often something was refused or dropped because a limit was reached'
  })
  return (limit) => group?.increment({ [limit]: 1 })
}
