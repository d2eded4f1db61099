import type { ListenTarget } from '@cluster/http'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Where to listen for HTTP on a multiaddress; `undefined` when it names no TCP port and no Unix socket. */
export function listenTarget(address: Multiaddr): ListenTarget | undefined {
  const [first, second, ...rest] = address.getComponents()
  if (first?.value === undefined || rest.length > 0) return undefined
  if (first.name === 'unix') return second === undefined ? { path: first.value } : undefined
  if (!['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(first.name)) return undefined
  if (second?.name !== 'tcp' || second.value === undefined) return undefined
  return { host: first.value, port: Number(second.value) }
}
