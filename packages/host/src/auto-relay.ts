import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Connection, PeerId, Startable, Topology } from '@libp2p/interface'
import { CODE_P2P_CIRCUIT, type Multiaddr } from '@multiformats/multiaddr'
import { isPublic } from './while-public.ts'

/** Relays that a host is reached through at once: the default of the Go peer. */
const maxRelays = 2

interface Components {
  readonly registrar: {
    register: (protocol: string, topology: Topology) => Promise<string>
    unregister: (id: string) => void
  }
  readonly transportManager: { listen: (addresses: Multiaddr[]) => Promise<void> }
  readonly connectionManager: { getConnections: (peer: PeerId) => Connection[] }
  readonly addressManager: { getAddresses: () => Multiaddr[] }
}

/**
 * Lets a host without a public address be reached through connected peers that relay. Unlike the library's own search
 * for relays it walks through no DHT: a network without relays stays quiet.
 *
 * A service of libp2p.
 *
 * @see wire-host-rpc.md §1.5
 */
export function autoRelay(components: Components): Startable {
  const { registrar, transportManager, connectionManager, addressManager } = components
  const relays = new Set<string>()
  let id: string | undefined
  const use = async (peer: PeerId): Promise<void> => {
    const key = peer.toString()
    const address = connectionManager.getConnections(peer).find(({ limits }) => limits === undefined)?.remoteAddr
    if (address === undefined || relays.has(key) || relays.size >= maxRelays) return
    if (addressManager.getAddresses().some(isPublic)) return
    relays.add(key)
    // The library's search looks at the same peer now, finds that nobody asked for a relay, and would answer for both.
    await new Promise((resolve) => setImmediate(resolve))
    const end = address.toString().endsWith(`/p2p/${key}`) ? '' : `/p2p/${key}`
    const through = address.encapsulate(`${end}/p2p-circuit`)
    await transportManager.listen([through])
    if (!addressManager.getAddresses().some((one) => isThrough(one, key))) relays.delete(key)
  }
  return {
    async start() {
      id = await registrar.register(RELAY_V2_HOP_CODEC, {
        onConnect: (peer) => {
          // libp2p logs why a relay does not take this host.
          use(peer).catch(() => relays.delete(peer.toString()))
        },
        onDisconnect: (peer) => {
          relays.delete(peer.toString())
        }
      })
    },
    stop() {
      if (id !== undefined) registrar.unregister(id)
    }
  }
}

function isThrough(address: Multiaddr, relay: string): boolean {
  const parts = address.getComponents()
  return parts.some(({ code }, index) => code === CODE_P2P_CIRCUIT && parts[index - 1]?.value === relay)
}
