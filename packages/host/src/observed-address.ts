import type { Libp2pEvents, Startable, TypedEventTarget } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isPublic } from './while-public.ts'

interface Components {
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly addressManager: {
    confirmObservedAddr: (address: Multiaddr, options: { readonly type: 'observed' }) => void
  }
}

/**
 * Announces the public address at which another peer has reached this one: the word of one peer is enough. Behind a
 * connection that this host opened the port is not one that it listens on, so only connections of others count.
 *
 * A service of libp2p.
 *
 * @see wire-host-rpc.md §1.4
 */
export function observedAddress({ events, addressManager }: Components): Startable {
  const note = ({ detail: { connection, observedAddr } }: Libp2pEvents['peer:identify']): void => {
    if (observedAddr === undefined || connection.direction !== 'inbound' || !isPublic(observedAddr)) return
    addressManager.confirmObservedAddr(observedAddr, { type: 'observed' })
  }
  return {
    start() {
      events.addEventListener('peer:identify', note)
    },
    stop() {
      events.removeEventListener('peer:identify', note)
    }
  }
}
