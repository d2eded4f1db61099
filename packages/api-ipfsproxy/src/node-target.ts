import { listenTarget } from '@cluster/config'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Where requests for the IPFS daemon go. */
export interface NodeTarget {
  /** Scheme, host and port. */
  readonly origin: string
  /** The Unix socket instead of host and port. */
  readonly socketPath?: string
}

/** Reads where a daemon listens; `undefined` when the address names no TCP port and no Unix socket. */
export function nodeTarget(address: Multiaddr, isHttps: boolean): NodeTarget | undefined {
  const target = listenTarget(address)
  if (target === undefined) return undefined
  const scheme = isHttps ? 'https' : 'http'
  if ('path' in target) return { origin: `${scheme}://ipfs`, socketPath: target.path }
  const host = target.host.includes(':') ? `[${target.host}]` : target.host
  return { origin: `${scheme}://${host}:${target.port}` }
}
