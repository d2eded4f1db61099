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
  followerMode: false,
  pinOnlyOnTrustedPeers: false,
  pinOnlyOnUntrustedPeers: false,
  leaveOnShutdown: false,
  peerAddresses: [],
  connectionManager: { lowWater: 100 }
})
