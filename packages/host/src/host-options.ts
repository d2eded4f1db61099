import type { ComponentLogger, ConnectionGater, PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Datastore } from 'interface-datastore'
import type { Libp2pInit } from 'libp2p'
import type { GossipOptions } from './gossip.ts'
import type { FindAddresses } from './address-finder.ts'
import { HostError } from './host-error.ts'
import type { ResourceOptions } from './resources.ts'
import type { ResolveTxt } from './resolve-dnsaddr.ts'
import type { WaterMarks } from './trim.ts'

/** What a host is made of. Names are those of the section `cluster` in service.json. */
export interface HostOptions {
  /** The identity: Ed25519, RSA or secp256k1. */
  readonly privateKey: PrivateKey
  /** The cluster secret, 32 bytes. Without one the host talks to everybody who speaks libp2p. */
  readonly secret?: Uint8Array
  /** Addresses to listen on; at least one must work, unless the list is empty. Addresses without TCP are left out. */
  readonly listen: readonly Multiaddr[]
  /** Addresses to tell others instead of those that the host finds itself. */
  readonly announce?: readonly Multiaddr[]
  /** Addresses, and masks `/ip4/<net>/ipcidr/<bits>`, never to tell others. */
  readonly noAnnounce?: readonly Multiaddr[]
  /** Default 400 / 100 / 2 min. */
  readonly connectionManager?: WaterMarks
  /** Limits of connections, streams and memory; default enabled, by what the machine has. */
  readonly resources?: ResourceOptions
  /** Time for one dial; default 3 s. */
  readonly dialPeerTimeoutMs?: number
  readonly pubsub?: GossipOptions
  /** Path of the file of saved addresses; without one nothing is loaded or saved. */
  readonly peerstoreFile?: string
  /** Hooks that allow or refuse connections. */
  readonly connectionGater?: ConnectionGater
  /**
   * Flow control of streams: largest window and read buffer, default 2 MiB and 8 MiB. The window limits one stream to
   * itself per round trip; the buffer must be larger, else a paused stream is reset.
   */
  readonly streams?: { readonly maxWindow: number; readonly maxReadBuffer: number }
  /**
   * Above 0, peers on the local network are found and connected by multicast DNS; the value itself has no meaning.
   * Default 0.
   */
  readonly mdnsIntervalMs?: number
  /** Relays for peers that cannot be reached, while the host itself has a public address; default false. */
  readonly enableRelayHop?: boolean
  /** Asks the router to map the ports listened on (UPnP), unless these are on loopback only; default false. */
  readonly mapPorts?: boolean
  /** Asked when a peer is to be dialled of which no address is known. */
  readonly findAddresses?: FindAddresses
  /** Keeps the records of the DHTs, below `/dht`; without one they are kept in memory. */
  readonly datastore?: Datastore
  /** Told to others by identify. */
  readonly agentVersion?: string
  readonly logger?: ComponentLogger
  /** Makes libp2p's metrics. */
  readonly metrics?: NonNullable<Libp2pInit['metrics']>
  /** Chooses among equals; default `Math.random`. */
  readonly random?: () => number
  /** Unix milliseconds; default `Date.now`. */
  readonly nowMs?: () => number
  /** Looks up `/dnsaddr` names; default the machine's resolver. */
  readonly resolveTxt?: ResolveTxt
}

const MiB = 1024 * 1024

/** Default water marks, those of the reference. */
export const defaultWaterMarks: WaterMarks = { highWater: 400, lowWater: 100, gracePeriodMs: 120_000 }
/** Default flow control. @see TECHNOLOGY.md §7 */
export const defaultStreams = { maxWindow: 2 * MiB, maxReadBuffer: 8 * MiB }

/** @throws HostError `bad_option` that names the first setting that cannot work */
export function checkOptions(options: HostOptions): void {
  const { connectionManager: marks, streams, pubsub, privateKey } = options
  // The library has no peer IDs for them.
  check(privateKey.type !== 'ECDSA', 'privateKey of type ECDSA is not supported: use Ed25519, RSA or secp256k1')
  if (marks !== undefined) {
    check(marks.lowWater > 0, 'connectionManager.lowWater is invalid')
    check(marks.highWater > 0, 'connectionManager.highWater is invalid')
    check(marks.lowWater <= marks.highWater, 'connectionManager.lowWater is greater than highWater')
  }
  if (streams !== undefined) {
    check(streams.maxWindow >= MiB / 4, 'streams.maxWindow is below 256 KiB')
    check(streams.maxReadBuffer > streams.maxWindow, 'streams.maxReadBuffer must be larger than streams.maxWindow')
  }
  check((options.resources?.memoryLimitBytes ?? 0) >= 0, 'resources.memoryLimitBytes is invalid')
  check((options.resources?.fileDescriptorsLimit ?? 0) >= 0, 'resources.fileDescriptorsLimit is invalid')
  check(positive(options.dialPeerTimeoutMs), 'dialPeerTimeoutMs is invalid')
  check(positive(pubsub?.heartbeatIntervalMs), 'pubsub.heartbeatIntervalMs is invalid')
  check(positive(pubsub?.dFactor), 'pubsub.dFactor is invalid')
  check(positive(pubsub?.historyLength), 'pubsub.historyLength is invalid')
  check(
    (pubsub?.historyGossip ?? 2) <= (pubsub?.historyLength ?? 6),
    'pubsub.historyGossip is greater than historyLength'
  )
}

function positive(value: number | undefined): boolean {
  return value === undefined || value > 0
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new HostError('bad_option', message)
}
