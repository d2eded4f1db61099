import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Listener, Transport } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import type { Multiaddr } from '@multiformats/multiaddr'

type TransportComponents = Parameters<ReturnType<typeof tcp>>[0] &
  Parameters<ReturnType<typeof webSockets>>[0] &
  Parameters<ReturnType<typeof circuitRelayTransport>>[0]
type MakeTransport = (components: TransportComponents) => Transport

/** What became of the listen addresses of a host. */
export interface ListenReport {
  /** Addresses in use. */
  readonly listening: Multiaddr[]
  /** Addresses that could not be used, with the reason. */
  readonly failed: { readonly address: Multiaddr; readonly error: unknown }[]
}

/**
 * How a host reaches others: TCP, WebSocket, and through relays. UDP is never used.
 *
 * Reports which addresses are listened on. libp2p itself only logs a busy port, or refuses to start when any of several
 * addresses fails, while a cluster peer runs as long as one works.
 *
 * @see wire-host-rpc.md §1.1, §1.2
 */
export function transports(report: ListenReport): MakeTransport[] {
  return [
    reported(
      report,
      tcp({
        // A peer is idle for minutes when nothing is pinned; yamux keeps the connection alive and finds dead ones.
        inboundSocketInactivityTimeout: 0,
        outboundSocketInactivityTimeout: 0
      })
    ),
    reported(report, webSockets()),
    reported(report, circuitRelayTransport())
  ]
}

function reported(report: ListenReport, make: MakeTransport): MakeTransport {
  return (components) => {
    const transport = make(components)
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
