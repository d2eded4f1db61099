import { isStartable, type Libp2pEvents, type Startable, start, stop, type TypedEventTarget } from '@libp2p/interface'
import { isPrivate } from '@libp2p/utils'
import { CODE_P2P_CIRCUIT, type Multiaddr } from '@multiformats/multiaddr'

interface Components {
  readonly events: TypedEventTarget<Libp2pEvents>
}

/** Whether others on the Internet can reach an address: it is public, and not that of a relay. */
export function isPublic(address: Multiaddr): boolean {
  return !isPrivate(address) && !address.getComponents().some(({ code }) => code === CODE_P2P_CIRCUIT)
}

/**
 * A service of libp2p that runs while the host has a public address. Each time it is made anew.
 *
 * @see wire-host-rpc.md §1.5
 */
export function whilePublic<C>(make: (components: C) => unknown): (components: C & Components) => Startable {
  return (components) => {
    let running: unknown
    let turn = Promise.resolve()
    const change = (wanted: boolean): Promise<void> => {
      turn = turn.then(async () => {
        if (wanted === (running !== undefined)) return
        const service = running ?? make(components)
        running = wanted ? service : undefined
        if (isStartable(service)) await (wanted ? start(service) : stop(service))
      })
      return turn
    }
    const check = ({ detail }: Libp2pEvents['self:peer:update']): void => {
      change(detail.peer.addresses.some(({ multiaddr }) => isPublic(multiaddr))).catch(() => undefined)
    }
    return {
      start() {
        components.events.addEventListener('self:peer:update', check)
      },
      async stop() {
        components.events.removeEventListener('self:peer:update', check)
        await change(false)
      }
    }
  }
}
