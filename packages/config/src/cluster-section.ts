import { hostname } from 'node:os'
import { addressList, addresses, duration, flag, group, integer, secretKey, text, unsignedInteger } from './option.ts'
import { parseMultiaddr } from './multiaddr-text.ts'
import { section, type ValuesOf } from './section.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/**
 * The `cluster` section of `service.json`.
 *
 * @see cli-config.md §4.4
 */
export const clusterSection = section({
  name: 'cluster',
  env: 'CLUSTER',
  options: {
    peername: text({
      default: hostname(),
      defaultText: 'the name of the host',
      description: 'Name of this peer, for people.'
    }),
    secret: secretKey({
      default: undefined,
      load: 'Z',
      secret: true,
      description:
        'Key of the private network; peers with another one cannot connect. Empty: no private network. A new folder gets a random one.',
      parseError: 'error loading cluster secret from config'
    }),
    leave_on_shutdown: flag({ default: false, load: 'Z', description: 'Leave the peerset when stopped.' }),
    listen_multiaddress: addresses({
      default: ['/ip4/0.0.0.0/tcp/9096', '/ip4/0.0.0.0/udp/9096/quic'].map(parseMultiaddr),
      load: 'Z',
      description: 'Where this peer listens for other peers.',
      parseError: 'error parsing listen_multiaddress'
    }),
    announce_multiaddress: addresses({
      default: [],
      load: 'Z',
      description: 'Addresses to announce instead of those listened on.',
      parseError: 'error parsing announce'
    }),
    no_announce_multiaddress: addresses({
      default: [],
      load: 'Z',
      description: 'Addresses, or masks of addresses, never to announce.',
      parseError: 'error parsing no_announce'
    }),
    enable_relay_hop: flag({ default: true, load: 'Z', description: 'Relay for other peers.' }),
    connection_manager: group({
      high_water: integer({ default: 400, load: 'Z', description: 'Connections above which some are closed.' }),
      low_water: integer({ default: 100, load: 'Z', description: 'Connections that are left then.' }),
      grace_period: duration({ default: 2 * MINUTE, load: 'Z', description: 'How long a new connection is safe.' })
    }),
    resource_manager: group({
      enabled: flag({ default: true, load: 'Z', description: 'Limit what connections and streams may take.' }),
      memory_limit_bytes: unsignedInteger({
        default: 0,
        load: 'Z',
        description: 'Bytes; 0 for a quarter of the memory.'
      }),
      file_descriptors_limit: unsignedInteger({
        default: 0,
        load: 'Z',
        description: '0 for half of what the system allows.'
      })
    }),
    pubsub: group({
      seen_messages_ttl: duration({ default: 30 * MINUTE, description: 'How long a message counts as seen.' }),
      heartbeat_interval: duration({ default: 10 * SECOND, description: 'Time between rounds of gossip.' }),
      d_factor: integer({ default: 4, load: 'Z', description: 'Peers in the mesh of a topic.' }),
      history_gossip: integer({ default: 2, load: 'Z', description: 'Rounds whose messages are told of.' }),
      history_length: integer({ default: 6, load: 'Z', description: 'Rounds whose messages are kept.' }),
      flood_publish: flag({ default: false, load: 'Z', description: 'Send own messages to all peers of a topic.' })
    }),
    dial_peer_timeout: duration({ default: 3 * SECOND, description: 'Time limit of connecting with a peer.' }),
    state_sync_interval: duration({ default: 5 * MINUTE, description: 'Time between checks for expired pins.' }),
    pin_recover_interval: duration({ default: 12 * MINUTE, description: 'Time between retries of failed pins.' }),
    replication_factor_min: integer({ default: -1, description: 'Fewest copies of a pin; -1 for every peer.' }),
    replication_factor_max: integer({ default: -1, description: 'Most copies of a pin; -1 for every peer.' }),
    monitor_ping_interval: duration({ default: 15 * SECOND, description: 'Time between signs of life.' }),
    peer_watch_interval: duration({ default: 5 * SECOND, description: 'Time between looks at the peerset.' }),
    mdns_interval: duration({ default: 10 * SECOND, description: '0s turns discovery on the local network off.' }),
    pin_only_on_trusted_peers: flag({ default: false, load: 'Z', description: 'Allocate to trusted peers only.' }),
    pin_only_on_untrusted_peers: flag({ default: false, load: 'Z', description: 'Allocate to untrusted peers only.' }),
    disable_repinning: flag({ default: true, load: 'Z', description: 'Leave the pins of a lost peer where they are.' }),
    repair: group({
      interval: duration({
        default: 0,
        omit: true,
        description: 'Time between looks for pins with too few or too many copies; 0s turns them off.'
      }),
      grace_period: duration({
        default: 0,
        omit: true,
        description: 'How long a peer may be gone before its pins get other holders.'
      }),
      pins_per_minute: integer({
        default: 0,
        omit: true,
        description: 'Most pins that this peer gives other holders in a minute; 0 for no limit.'
      }),
      moves_at_once: integer({ default: 8, omit: true, description: 'Pins that are moved at the same time.' }),
      move_timeout: duration({
        default: 10 * MINUTE,
        omit: true,
        description: 'How long a move waits for the new copies before it leaves the old ones where they are.'
      }),
      assumed_pin_size: integer({
        default: 0,
        omit: true,
        description: 'Bytes that a queued pin is assumed to take from the free space of its peer; 0 counts nothing.'
      }),
      min_free_space: integer({
        default: 0,
        omit: true,
        description: 'Bytes that must be free at a peer, after what is queued, for it to take new pins.'
      })
    }),
    follower_mode: flag({ default: false, load: 'Z', omit: true, description: 'Follow the pinset, never change it.' }),
    peerstore_file: text({ default: '', omit: true, description: 'File of known addresses; empty: `peerstore`.' }),
    peer_addresses: addressList({
      default: [],
      load: 'Z',
      description: 'Addresses of other peers that are always known.',
      parseError: 'error parsing peer_addresses'
    })
  },
  validate(c) {
    const { connectionManager: manager, pubsub } = c
    const rules: readonly (readonly [boolean, string])[] = [
      [c.listenMultiaddress.length === 0, 'listen_multiaddress is undefined'],
      [manager.lowWater <= 0, 'connection_manager.low_water is invalid'],
      [manager.highWater <= 0, 'connection_manager.high_water is invalid'],
      [manager.lowWater > manager.highWater, 'connection_manager.low_water is greater than high_water'],
      [manager.gracePeriodMs === 0, 'connection_manager.grace_period is invalid'],
      [pubsub.seenMessagesTtlMs <= 0, 'pubsub.seen_message_ttl is invalid'],
      [pubsub.heartbeatIntervalMs <= 0, 'pubsub.heartbeat_interval is invalid'],
      [pubsub.dFactor < 1, 'pubsub.d_factor is invalid'],
      [pubsub.historyGossip <= 0, 'pubsub.history_gossip is invalid'],
      [pubsub.historyLength <= 0, 'pubsub.history_length is invalid'],
      [c.dialPeerTimeoutMs <= 0, 'dial_peer_timeout is invalid'],
      [c.stateSyncIntervalMs <= 0, 'state_sync_interval is invalid'],
      [c.pinRecoverIntervalMs <= 0, 'pin_recover_interval is invalid'],
      [c.monitorPingIntervalMs <= 0, 'monitoring_interval is invalid'],
      [c.peerWatchIntervalMs <= 0, 'peer_watch_interval is invalid'],
      [c.repair.intervalMs < 0, 'repair.interval is invalid'],
      [c.repair.gracePeriodMs < 0, 'repair.grace_period is invalid'],
      [c.repair.pinsPerMinute < 0, 'repair.pins_per_minute is invalid'],
      [c.repair.movesAtOnce < 1, 'repair.moves_at_once is invalid'],
      [c.repair.moveTimeoutMs <= 0, 'repair.move_timeout is invalid'],
      [c.repair.assumedPinSize < 0, 'repair.assumed_pin_size is invalid'],
      [c.repair.minFreeSpace < 0, 'repair.min_free_space is invalid'],
      [
        c.pinOnlyOnTrustedPeers && c.pinOnlyOnUntrustedPeers,
        'pin_only_on_trusted_peers and pin_only_on_untrusted_peers cannot both be true'
      ],
      [c.replicationFactorMin === 0 || c.replicationFactorMax === 0, 'replication_factor_min and max must be set'],
      [c.replicationFactorMin > c.replicationFactorMax, 'replication_factor_min is larger than max'],
      [c.replicationFactorMin < -1, 'replication_factor_min is wrong'],
      [c.replicationFactorMax < -1, 'replication_factor_max is wrong'],
      [
        (c.replicationFactorMin === -1) !== (c.replicationFactorMax === -1),
        'replication_factor_min and max must be -1 when one of them is'
      ]
    ]
    const failed = rules.find(([failure]) => failure)
    return failed === undefined ? undefined : `cluster.${failed[1]}`
  }
})

/** The values of the `cluster` section. */
export type ClusterSection = ValuesOf<typeof clusterSection>
