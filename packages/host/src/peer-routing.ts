import {
  NotFoundError,
  type PeerDiscovery,
  peerDiscoverySymbol,
  type PeerDiscoveryEvents,
  type PeerId,
  type PeerInfo,
  type PeerRouting,
  peerRoutingSymbol,
  type RoutingOptions,
  type Startable
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter } from 'main-event'
import type { FindAddresses } from './address-finder.ts'
import type { Dht } from './dht.ts'

/**
 * How a host finds peers that it has no address of: it asks both DHTs and those who may know, all at once, and takes
 * the first answer with an address in it.
 *
 * A service of libp2p.
 */
export class Routing extends TypedEventEmitter<PeerDiscoveryEvents> implements Startable {
  readonly [Symbol.toStringTag] = '@cluster/host/routing'
  readonly #dhts: readonly Dht[]
  readonly #find: FindAddresses | undefined

  constructor(dhts: readonly Dht[], find: FindAddresses | undefined) {
    super()
    this.#dhts = dhts
    this.#find = find
    for (const { kad, believed } of dhts) {
      kad.addEventListener('peer', ({ detail }) => {
        const multiaddrs = believed(detail.multiaddrs)
        if (multiaddrs.length > 0) this.safeDispatchEvent('peer', { detail: { ...detail, multiaddrs } })
      })
    }
  }

  async start(): Promise<void> {
    await Promise.all(this.#dhts.map((dht) => dht.start()))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#dhts.map((dht) => dht.stop()))
  }

  /** Peers in answers to other questions: libp2p remembers their addresses, and connects when it needs them. */
  get [peerDiscoverySymbol](): PeerDiscovery {
    return this
  }

  get [peerRoutingSymbol](): Partial<PeerRouting> {
    return {
      findPeer: (peer, options = {}) => this.#findPeer(peer, options),
      getClosestPeers: (key, options = {}) => this.#closest(key, options)
    }
  }

  async #findPeer(peer: PeerId, options: RoutingOptions): Promise<PeerInfo> {
    const found = new AbortController()
    const signals = options.signal === undefined ? [found.signal] : [found.signal, options.signal]
    const until = { ...options, signal: AbortSignal.any(signals) }
    const ways: Promise<readonly Multiaddr[]>[] = this.#dhts.map((dht) => askDht(dht, peer, until))
    if (this.#find !== undefined) ways.push(this.#find(peer, until))
    try {
      const multiaddrs = await Promise.any(ways.map(notEmpty))
      return { id: peer, multiaddrs: [...multiaddrs] }
    } catch {
      options.signal?.throwIfAborted()
      throw new NotFoundError(`nobody knows an address of ${peer.toString()}`)
    } finally {
      found.abort()
    }
  }

  async *#closest(key: Uint8Array, options: RoutingOptions): AsyncGenerator<PeerInfo> {
    for (const { kad, believed } of this.#dhts) {
      for await (const event of kad.getClosestPeers(key, options)) {
        if (event.name === 'FINAL_PEER') yield { ...event.peer, multiaddrs: believed(event.peer.multiaddrs) }
      }
    }
  }
}

async function askDht({ kad, believed }: Dht, peer: PeerId, options: RoutingOptions): Promise<readonly Multiaddr[]> {
  // What is known here is not enough, else nobody would ask.
  for await (const event of kad.findPeer(peer, { ...options, useCache: false })) {
    if (event.name !== 'FINAL_PEER') continue
    const addresses = believed(event.peer.multiaddrs)
    if (addresses.length > 0) return addresses
  }
  return []
}

async function notEmpty(way: Promise<readonly Multiaddr[]>): Promise<readonly Multiaddr[]> {
  const addresses = await way
  if (addresses.length === 0) throw new NotFoundError('no addresses')
  return addresses
}
