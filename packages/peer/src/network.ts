import {
  ClusterError,
  limitCounter,
  type BaseContext,
  type ErrorCode,
  type LimitCounter,
  type Network,
  type Topic
} from '@cluster/api'
import { HostError, type Host, type HostErrorCode } from '@cluster/host'
import type { AbortOptions, Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

const codes: Readonly<Partial<Record<HostErrorCode, ErrorCode>>> = {
  bad_option: 'CONFIG_INVALID',
  bad_secret: 'CONFIG_INVALID',
  bad_address: 'BAD_REQUEST',
  no_resolved_addresses: 'PEER_UNREACHABLE',
  dial_failed: 'PEER_UNREACHABLE',
  wrong_secret: 'PEER_UNREACHABLE',
  listen_failed: 'BUSY',
  message_too_large: 'LIMIT',
  stopped: 'STOPPED',
  peerstore_file: 'STORAGE'
}

/** An error of the host in the terms of the ports; others pass as they are. */
export function toNetworkError(error: unknown): unknown {
  if (!(error instanceof HostError)) return error
  return new ClusterError(codes[error.code] ?? 'INTERNAL', error.message, { cause: error })
}

/** The `Network` port over a host of `@cluster/host`. */
export class HostNetwork implements Network {
  readonly #host: Host
  readonly #log: BaseContext['log']
  readonly #limitReached: LimitCounter

  constructor(host: Host, { log, metrics }: Pick<BaseContext, 'log' | 'metrics'>) {
    this.#host = host
    this.#log = log
    this.#limitReached = limitCounter(metrics)
  }

  get libp2p(): Libp2p {
    return this.#host.libp2p
  }

  subscribe(topic: string, validate?: (from: PeerId) => boolean): Topic {
    return this.#host.subscribe(topic, validate, (sum) => {
      this.#limitReached('gossip_messages')
      // the more there are, the fewer lines
      if (Number.isInteger(Math.log2(sum)))
        this.#log.warn('gossip comes faster than it is read', { topic, dropped: sum })
    })
  }

  keep(peer: PeerId, tag: string): Promise<void> {
    return translated(this.#host.keep(peer, tag))
  }

  connect(peer: PeerId, options: AbortOptions): Promise<void> {
    return translated(this.#host.connect(peer, options))
  }

  importAddress(address: Multiaddr, options: Parameters<Network['importAddress']>[1]): Promise<PeerId> {
    return translated(this.#host.importAddress(address, options))
  }

  bootstrap(count: number, options: Parameters<Network['bootstrap']>[1]): Promise<readonly PeerId[]> {
    return translated(this.#host.bootstrap(count, options))
  }

  refreshRouting(options: AbortOptions): Promise<void> {
    return translated(this.#host.refreshRouting(options))
  }

  savePeerstore(): Promise<void> {
    return translated(this.#host.savePeerstore())
  }
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw toNetworkError(error)
  }
}
