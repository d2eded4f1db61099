import type { PeerId } from '@libp2p/interface'
import type { Authorize, MethodTable } from './methods.ts'

/**
 * The rule of a cluster: nobody calls a `closed` method over the network, trusted peers call a `trusted` one, everybody
 * an `open` one. A method with any other class is refused.
 *
 * @see wire-host-rpc.md §4.1
 */
export function authorizeByPolicy<T extends MethodTable>(
  methods: T,
  isTrusted: (peer: PeerId) => boolean
): Authorize<T> {
  return (peer, method) => {
    const policy = methods[method]?.policy
    return policy === 'open' || (policy === 'trusted' && isTrusted(peer))
  }
}
