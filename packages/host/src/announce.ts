import { CODE_IP4, CODE_IP6, CODE_IPCIDR, CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'
import { BlockList } from 'node:net'
import { HostError } from './host-error.ts'

/**
 * Decides which addresses the host tells others: those of `announce` if there are any, else those it has; without
 * what `noAnnounce` names, as masks (`/ip4/<net>/ipcidr/<bits>`) or as whole addresses.
 *
 * @throws HostError `bad_address` for a mask that cannot be understood
 * @see wire-host-rpc.md §1.4
 */
export function announceFilter(
  announce: readonly Multiaddr[],
  noAnnounce: readonly Multiaddr[]
): (addresses: Multiaddr[]) => Multiaddr[] {
  const masks = new BlockList()
  const exact = new Set<string>()
  for (const entry of noAnnounce) {
    const [ip, mask] = entry.getComponents()
    if (mask?.code === CODE_IPCIDR && ip?.value !== undefined) {
      try {
        masks.addSubnet(ip.value, Number(mask.value), ip.code === CODE_IP6 ? 'ipv6' : 'ipv4')
      } catch (error) {
        throw new HostError('bad_address', `mask ${entry.toString()} cannot be understood`, { cause: error })
      }
    } else {
      exact.add(entry.toString())
    }
  }
  const hidden = (address: Multiaddr): boolean => {
    if (exact.has(withoutPeer(address).toString())) return true
    const [ip] = address.getComponents()
    if (ip?.value === undefined) return false
    if (ip.code === CODE_IP4) return masks.check(ip.value, 'ipv4')
    return ip.code === CODE_IP6 && masks.check(ip.value, 'ipv6')
  }
  return (addresses) => {
    const self = addresses[0]?.getComponents().findLast((part) => part.code === CODE_P2P)?.value
    const chosen =
      announce.length === 0 || self === undefined
        ? addresses
        : announce.map((address) => withoutPeer(address).encapsulate(`/p2p/${self}`))
    return chosen.filter((address) => !hidden(address))
  }
}

/** The address without a `/p2p/<peer ID>` at its end. */
export function withoutPeer(address: Multiaddr): Multiaddr {
  return address.getComponents().at(-1)?.code === CODE_P2P ? address.decapsulateCode(CODE_P2P) : address
}
