import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { ClusterError, type Network } from '@cluster/api'

/** The part of a network that needs no host: addresses are remembered, dialling always works. */
export class MemoryNetwork implements Pick<
  Network,
  'connect' | 'importAddress' | 'bootstrap' | 'refreshRouting' | 'savePeerstore'
> {
  readonly imported: Multiaddr[] = []
  /** The peers that answer when known peers are dialled. */
  answering: readonly PeerId[] = []
  /** How known peers were dialled, in order. */
  readonly dials: { readonly count: number; readonly byPriority: boolean; readonly force: boolean }[] = []
  saved = 0
  /** Peers that refuse connections. */
  readonly unreachable = new Set<string>()
  readonly #connected = new Map<string, PeerId>()
  readonly libp2p: {
    readonly getMultiaddrs: () => Multiaddr[]
    readonly getConnections: (peer?: PeerId) => never[]
    readonly peerStore: { readonly get: (peer: PeerId) => Promise<never> }
  }

  constructor(address: Multiaddr = multiaddr('/ip4/127.0.0.1/tcp/9096')) {
    this.libp2p = {
      getMultiaddrs: () => [address],
      getConnections: (peer) => {
        const count = peer === undefined ? this.#connected.size : Number(this.#connected.has(peer.toString()))
        return Array.from<never>({ length: count })
      },
      peerStore: { get: (peer) => Promise.reject(new Error(`nothing is known of ${peer.toString()}`)) }
    }
  }

  /** The peers that were connected by {@link MemoryNetwork.connect}, in order. */
  get connected(): readonly PeerId[] {
    return [...this.#connected.values()]
  }

  connect(peer: PeerId): Promise<void> {
    if (this.unreachable.has(peer.toString())) return Promise.reject(new ClusterError('PEER_UNREACHABLE', 'no answer'))
    this.#connected.set(peer.toString(), peer)
    return Promise.resolve()
  }

  importAddress(address: Multiaddr): Promise<PeerId> {
    this.imported.push(address)
    const id = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
    return id === undefined
      ? Promise.reject(new Error('no peer in the address'))
      : Promise.resolve(peerIdFromString(id))
  }

  bootstrap(
    count: number,
    { byPriority, force }: { readonly byPriority: boolean; readonly force: boolean }
  ): Promise<readonly PeerId[]> {
    this.dials.push({ count, byPriority, force })
    return Promise.resolve(this.answering.slice(0, count))
  }

  refreshRouting(): Promise<void> {
    return Promise.resolve()
  }

  savePeerstore(): Promise<void> {
    this.saved += 1
    return Promise.resolve()
  }
}
