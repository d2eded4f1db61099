import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * What the core needs of the section `cluster` of `service.json`. Times are milliseconds.
 *
 * @see cli-config.md §4.4
 */
export interface ClusterConfig {
  /** For pins that carry 0: fewest and most copies; −1 on both means every peer. */
  readonly replicationFactorMin: number
  readonly replicationFactorMax: number
  /** Between two pings of this peer; a ping is valid for twice as long. */
  readonly monitorPingIntervalMs: number
  /** From the end of one recovery of local pins to the next. */
  readonly pinRecoverIntervalMs: number
  /** From the end of one search for expired pins to the next. */
  readonly stateSyncIntervalMs: number
  /** Between two looks at the members. */
  readonly peerWatchIntervalMs: number
  /** Whether the pins of a lost or removed peer stay where they are. */
  readonly disableRepinning: boolean
  /** What the reference has not: by default nothing of it. */
  readonly repair: RepairConfig
  /** Whether this peer only follows the pinset. */
  readonly followerMode: boolean
  readonly pinOnlyOnTrustedPeers: boolean
  readonly pinOnlyOnUntrustedPeers: boolean
  /** Whether to leave the cluster, and forget its pinset, at the end. */
  readonly leaveOnShutdown: boolean
  /** Addresses of peers to know from the start; these are reconnected with priority. */
  readonly peerAddresses: readonly Multiaddr[]
  readonly connectionManager: {
    /** Connections below which known peers are dialled again. */
    readonly lowWater: number
  }
}

/** How pins are kept at the copies they should have. */
export interface RepairConfig {
  /** From the end of one look for pins with too few or too many copies to the next; 0 for none. */
  readonly intervalMs: number
  /** How long a peer may be gone before its pins get other holders. */
  readonly gracePeriodMs: number
  /** Most pins that this peer gives other holders in a minute; 0 for no limit. */
  readonly pinsPerMinute: number
  /** Pins that are moved at the same time. */
  readonly movesAtOnce: number
  /** How long a move waits for the new copies. */
  readonly moveTimeoutMs: number
  /** Bytes that a queued pin is assumed to take; 0 counts nothing. */
  readonly assumedPinSize: number
  /** Bytes that must be free at a peer for it to take new pins. */
  readonly minFreeSpace: number
}

/**
 * The values of a configuration that says nothing.
 *
 * @see behaviours.md §1.2
 */
export const DEFAULT_CLUSTER_CONFIG: ClusterConfig = Object.freeze({
  replicationFactorMin: -1,
  replicationFactorMax: -1,
  monitorPingIntervalMs: 15_000,
  pinRecoverIntervalMs: 720_000,
  stateSyncIntervalMs: 300_000,
  peerWatchIntervalMs: 5_000,
  disableRepinning: true,
  repair: Object.freeze({
    intervalMs: 0,
    gracePeriodMs: 0,
    pinsPerMinute: 0,
    movesAtOnce: 8,
    moveTimeoutMs: 600_000,
    assumedPinSize: 0,
    minFreeSpace: 0
  }),
  followerMode: false,
  pinOnlyOnTrustedPeers: false,
  pinOnlyOnUntrustedPeers: false,
  leaveOnShutdown: false,
  peerAddresses: [],
  connectionManager: { lowWater: 100 }
})
