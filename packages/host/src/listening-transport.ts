import type { Listener, Transport } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'

type TcpComponents = Parameters<ReturnType<typeof tcp>>[0]

/** What became of the listen addresses of a host. */
export interface ListenReport {
  /** Addresses in use. */
  readonly listening: Multiaddr[]
  /** Addresses that could not be used, with the reason. */
  readonly failed: { readonly address: Multiaddr; readonly error: unknown }[]
}

/**
 * TCP that notes which addresses it listens on. libp2p itself only logs a busy port, or refuses to start when any of
 * several addresses fails, while a cluster peer runs as long as one works.
 *
 * @see wire-host-rpc.md §1.1
 */
export function listeningTcp(report: ListenReport): (components: TcpComponents) => Transport {
  return (components) => {
    const transport = tcp({
      // A peer is idle for minutes when nothing is pinned; yamux keeps the connection alive and finds dead ones.
      inboundSocketInactivityTimeout: 0,
      outboundSocketInactivityTimeout: 0
    })(components)
    const create = transport.createListener.bind(transport)
    transport.createListener = (options): Listener => {
      const listener = create(options)
      const listen = listener.listen.bind(listener)
      listener.listen = async (address: Multiaddr): Promise<void> => {
        try {
          await listen(address)
          report.listening.push(address)
        } catch (error) {
          report.failed.push({ address, error })
          throw error
        }
      }
      return listener
    }
    return transport
  }
}

/** One line for people: what is wrong with a listen address. */
export function listenReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return 'the port is in use by another program'
  if (code === 'EACCES') return 'no permission to use this port'
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have this address'
  return error instanceof Error ? error.message : String(error)
}
