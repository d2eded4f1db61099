import type { AbortOptions, Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Duplex } from 'node:stream'
import { HTTP_PROTOCOL, type StreamServer } from './serve-streams.ts'
import { StreamSocket } from './stream-socket.ts'

/** Requests of one client at once over libp2p: each is a stream. */
const MAX_STREAMS_PER_CONNECTION = 1024

/**
 * Answers HTTP on the streams that clients open to this host; returns what ends it. Whoever stops the server of the
 * streams calls that first.
 *
 * @see http-apis.md §1.5
 */
export async function serveOnHost(
  host: Pick<Libp2p, 'handle' | 'unhandle'>,
  streams: StreamServer
): Promise<() => Promise<void>> {
  await host.handle(
    HTTP_PROTOCOL,
    (stream, { remotePeer }) => {
      streams.serve(stream, remotePeer.toString())
    },
    { maxInboundStreams: MAX_STREAMS_PER_CONNECTION }
  )
  return () => host.unhandle(HTTP_PROTOCOL)
}

/**
 * Opens a connection for HTTP/1.1 to a peer: a new stream, as `node:http` wants its sockets. Its requests carry
 * `Host: <peer ID>`, and one stream is for one request, as the Go client does it.
 *
 * @example
 * ```ts
 * const socket = await dialHttp(node, [multiaddr('/ip4/…/tcp/…/p2p/…')])
 * request({ createConnection: () => socket, host: peerId, path: '/id' }, (answer) => …).end()
 * ```
 * @throws what `dialProtocol` throws: `UnsupportedProtocolError` when the peer does not serve HTTP
 * @see http-apis.md §1.5
 */
export async function dialHttp(
  node: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId | Multiaddr | Multiaddr[],
  options: AbortOptions = {}
): Promise<Duplex> {
  const stream = await node.dialProtocol(peer, HTTP_PROTOCOL, { ...options })
  return new StreamSocket(stream, '')
}
