import type { ListenTarget } from '@cluster/http'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** Where an address says to listen; `undefined` for one that HTTP cannot listen on. */
export function targetOf(address: Multiaddr): ListenTarget | undefined {
  const [host, port, ...rest] = address.getComponents()
  if (host === undefined || host.value === undefined) return undefined
  if (host.name === 'unix' && port === undefined) return { path: host.value }
  const isHost = host.name === 'ip4' || host.name === 'ip6' || host.name.startsWith('dns')
  if (!isHost || port?.name !== 'tcp' || port.value === undefined || rest.length > 0) return undefined
  return { host: host.value, port: Number(port.value) }
}

/** The address under which a listener is reached, with its real port. */
export function addressOf(configured: Multiaddr, target: ListenTarget): Multiaddr {
  if ('path' in target) return configured
  const [host] = configured.getComponents()
  return multiaddr(`/${host?.name ?? 'ip4'}/${host?.value ?? target.host}/tcp/${target.port}`)
}
