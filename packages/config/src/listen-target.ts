import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** Where a server listens: a host and port, or a Unix socket. */
export type ListenTarget = { readonly host: string; readonly port: number } | { readonly path: string }

const HOSTS = ['ip4', 'ip6', 'dns', 'dns4', 'dns6']

/** Where an address says to listen; `undefined` when it names no TCP port and no Unix socket. */
export function listenTarget(address: Multiaddr): ListenTarget | undefined {
  const [host, port, ...rest] = address.getComponents()
  if (host?.value === undefined || rest.length > 0) return undefined
  if (host.name === 'unix') return port === undefined ? { path: host.value } : undefined
  if (!HOSTS.includes(host.name) || port?.name !== 'tcp' || port.value === undefined) return undefined
  return { host: host.value, port: Number(port.value) }
}

/** The address under which a listener is reached, with its real port. */
export function boundAddress(configured: Multiaddr, target: ListenTarget): Multiaddr {
  if ('path' in target) return configured
  const [host] = configured.getComponents()
  return multiaddr(`/${host?.name ?? 'ip4'}/${host?.value ?? target.host}/tcp/${target.port}`)
}
