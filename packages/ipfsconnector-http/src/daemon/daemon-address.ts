import type { Multiaddr } from '@multiformats/multiaddr'

/** Where HTTP requests for a daemon go. */
export interface DaemonAddress {
  /** Scheme, host and port. */
  readonly origin: string
  /** The Unix socket instead of host and port. */
  readonly socketPath?: string
}

/**
 * Reads where a daemon listens; `undefined` when the address names no host and no Unix socket.
 *
 * @see behaviours.md §5.2
 */
export function daemonAddress(address: Multiaddr): DaemonAddress | undefined {
  const [first, ...rest] = address.getComponents()
  if (first?.value === undefined) return undefined
  if (first.name === 'unix') return { origin: 'http://ipfs', socketPath: first.value }
  if (!['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(first.name)) return undefined
  const tcp = rest[0]?.name === 'tcp' ? rest.shift()?.value : undefined
  const layers = rest.map(({ name }) => name).join('/')
  const isSecure = ['https', 'tls', 'tls/http'].includes(layers)
  if (!isSecure && layers !== '' && layers !== 'http') return undefined
  const host = first.name === 'ip6' ? `[${first.value}]` : first.value
  return { origin: `${isSecure ? 'https' : 'http'}://${host}${tcp === undefined ? '' : `:${tcp}`}` }
}
