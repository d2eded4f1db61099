import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { ClientSettings } from './client/client.ts'
import { defaultDontHaveTimeout, type DontHaveTimeoutOptions } from './client/dont-have-timeout.ts'
import { InvalidOptionError } from './errors.ts'
import type { NetworkSettings } from './network/network.ts'
import { MAX_COMPOSED_BYTES, PROTOCOLS } from './wire/constants.ts'

/** Options of the client; what is left out has its default. @see bitswap.md §4.3.3 */
export interface ClientInit {
  /** Wants that stand at one peer: 960, since servers remember 1024. */
  readonly maxWantsPerPeer?: number
  /** Bytes asked for and not yet here: 64 MiB. */
  readonly maxInFlightBytes?: number
  /** Whether silence counts as DONT_HAVE: true. */
  readonly simulateDontHave?: boolean
  readonly dontHaveTimeout?: Partial<DontHaveTimeoutOptions>
}

/** Options of the server. */
export interface ServerInit {
  /** Reads of the blockstore at once: 128. */
  readonly blockstoreConcurrency?: number
  /** Work of a message, in bytes: 64 KiB; at most 2 MiB. */
  readonly targetMessageBytes?: number
  /** Blocks up to this size answer a want-have: 1024 bytes; 0 = never. */
  readonly wantHaveReplaceBytes?: number
  /** Wants remembered of one peer: 16,384. */
  readonly maxWantsPerPeer?: number
  /** False: the peer does not get the block. */
  readonly peerBlockRequestFilter?: (peer: PeerId, cid: CID) => boolean
}

/** Options of the network layer. */
export interface NetworkInit {
  /** A lane without messages for so long is closed: 8000, since Helia resets it after 10 s. */
  readonly laneIdleMs?: number
  /** Per connection: 1024. */
  readonly maxInboundStreams?: number
  readonly maxOutboundStreams?: number
}

/** Limits against other people's appetite, and our own. @see bitswap.md §4.10 */
export interface LimitsInit {
  /** Wants of one session: 100,000. */
  readonly queuedWantsPerSession?: number
  /** Wants of all sessions: 262,144. */
  readonly ownWants?: number
  /** Wants remembered of all peers: 262,144. */
  readonly remoteWants?: number
  /** Inbound streams of one peer: 256. */
  readonly inboundStreamsPerPeer?: number
  /** A CID with a shorter digest is refused: 20 bytes. */
  readonly minDigestBytes?: number
}

/** Options of `createBitswap`. */
export interface BitswapInit {
  /** Goes before all protocol names: none. */
  readonly protocolPrefix?: string
  /** Served and dialed, best first: 1.2.0, 1.1.0, 1.0.0, unversioned. */
  readonly protocols?: readonly string[]
  /** Also over relayed connections: false. */
  readonly runOnLimitedConnections?: boolean
  /** False: a server only. */
  readonly client?: ClientInit | false
  /** False: a client only; wants of peers are ignored without an answer. */
  readonly server?: ServerInit | false
  readonly network?: NetworkInit
  readonly limits?: LimitsInit
}

/** All settings of the server but the filter, which needs the peer ids. */
interface ServerSettings {
  readonly blockstoreConcurrency: number
  readonly targetMessageBytes: number
  readonly wantHaveReplaceBytes: number
  readonly maxWantsPerPeer: number
  readonly remoteWants: number
}

/** Every option with its value. */
export interface BitswapSettings {
  readonly client: ClientSettings | undefined
  readonly server: ServerSettings | undefined
  readonly network: NetworkSettings
  readonly minDigestBytes: number
}

const MiB = 1024 * 1024

/** Puts in the defaults and checks the ranges. @throws InvalidOptionError */
export function resolveOptions(init: BitswapInit): BitswapSettings {
  const { client = {}, server = {}, network = {}, limits = {} } = init
  return {
    client: client === false ? undefined : clientSettings(client, limits),
    server: server === false ? undefined : serverSettings(server, limits),
    network: {
      protocolPrefix: init.protocolPrefix ?? '',
      protocols: protocols(init.protocols ?? PROTOCOLS),
      runOnLimitedConnections: init.runOnLimitedConnections ?? false,
      laneIdleMs: integer('network.laneIdleMs', network.laneIdleMs ?? 8000, 1),
      maxInboundStreams: integer('network.maxInboundStreams', network.maxInboundStreams ?? 1024, 1),
      maxOutboundStreams: integer('network.maxOutboundStreams', network.maxOutboundStreams ?? 1024, 2),
      inboundStreamsPerPeer: integer('limits.inboundStreamsPerPeer', limits.inboundStreamsPerPeer ?? 256, 1)
    },
    minDigestBytes: integer('limits.minDigestBytes', limits.minDigestBytes ?? 20, 0)
  }
}

function clientSettings(client: ClientInit, limits: LimitsInit): ClientSettings {
  const timeout = { ...defaultDontHaveTimeout, ...client.dontHaveTimeout }
  for (const [name, value] of Object.entries(timeout)) integer(`client.dontHaveTimeout.${name}`, value, 1)
  return {
    maxWantsPerPeer: integer('client.maxWantsPerPeer', client.maxWantsPerPeer ?? 960, 1, 1024),
    maxInFlightBytes: integer('client.maxInFlightBytes', client.maxInFlightBytes ?? 64 * MiB, 1),
    simulateDontHave: client.simulateDontHave ?? true,
    dontHaveTimeout: timeout,
    queuedWantsPerSession: integer('limits.queuedWantsPerSession', limits.queuedWantsPerSession ?? 100_000, 1),
    ownWants: integer('limits.ownWants', limits.ownWants ?? 262_144, 1)
  }
}

function serverSettings(server: ServerInit, limits: LimitsInit): ServerSettings {
  const target = server.targetMessageBytes ?? 65_536
  return {
    blockstoreConcurrency: integer('server.blockstoreConcurrency', server.blockstoreConcurrency ?? 128, 1),
    targetMessageBytes: integer('server.targetMessageBytes', target, 1, MAX_COMPOSED_BYTES),
    wantHaveReplaceBytes: integer('server.wantHaveReplaceBytes', server.wantHaveReplaceBytes ?? 1024, 0),
    maxWantsPerPeer: integer('server.maxWantsPerPeer', server.maxWantsPerPeer ?? 16_384, 1),
    remoteWants: integer('limits.remoteWants', limits.remoteWants ?? 262_144, 1)
  }
}

function protocols(list: readonly string[]): readonly string[] {
  if (list.length === 0) throw new InvalidOptionError('protocols must not be empty')
  return list
}

function integer(name: string, value: number, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new InvalidOptionError(`${name} must be a whole number from ${min} to ${max}, not ${value}`)
  }
  return value
}
