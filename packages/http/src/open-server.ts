import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { answerMalformed, refuseWithoutHost } from './malformed.ts'
import { watchStalls } from './stalled.ts'

/** Limits of the connections of a server. */
export interface ListenLimits {
  /** For the request line and headers. Default 5 s. */
  readonly readHeaderTimeoutMs?: number
  /** For a whole request with its body; 0 (default) = none. */
  readonly readTimeoutMs?: number
  /** From the end of the request's headers to the end of the answer; 0 (default) = none. */
  readonly writeTimeoutMs?: number
  /** How long a connection may wait for its next request. Default 2 minutes. */
  readonly idleTimeoutMs?: number
  /** How long a client may send nothing of an unfinished upload, or read nothing of an answer. Default 30 minutes. */
  readonly stallTimeoutMs?: number
  /** The request line and headers may have 4096 bytes more. Default 4096. */
  readonly maxHeaderBytes?: number
  /** Default 4096. */
  readonly maxConnections?: number
}

/** What a server is made of. */
export interface ServerInit extends ListenLimits {
  readonly listener: RequestListener
  /** Told of each connection that was refused because there are `maxConnections` already. */
  readonly onRefused?: () => void
  /** Makes the servers; for TLS hand in one of `node:https`. Default: `createServer` of `node:http`. */
  readonly createServer?: (options: ServerOptions, listener: RequestListener) => Server
}

/** Connections at once unless said otherwise. */
export const DEFAULT_MAX_CONNECTIONS = 4096

/** A server with its limits, which does not listen yet. */
export function openServer(init: ServerInit): Server {
  const readHeaderTimeoutMs = init.readHeaderTimeoutMs ?? 5000
  const server = (init.createServer ?? createServer)(
    {
      headersTimeout: readHeaderTimeoutMs,
      requestTimeout: init.readTimeoutMs ?? 0, // Node's default would cut uploads after 5 minutes
      keepAliveTimeout: init.idleTimeoutMs ?? 120_000,
      connectionsCheckingInterval: Math.min(1000, Math.max(100, readHeaderTimeoutMs)),
      maxHeaderSize: (init.maxHeaderBytes ?? 4096) + 4096,
      requireHostHeader: false // refused below, in the words of the reference
    },
    (request, response) => {
      const { headers, httpVersion, socket } = request
      if (headers.host === undefined && httpVersion === '1.1') refuseWithoutHost(socket)
      else init.listener(request, response)
    }
  )
  answerMalformed(server)
  server.maxConnections = init.maxConnections ?? DEFAULT_MAX_CONNECTIONS
  if (init.onRefused !== undefined) server.on('drop', init.onRefused)
  watchStalls(server, {
    stallTimeoutMs: init.stallTimeoutMs ?? 30 * 60_000,
    writeTimeoutMs: init.writeTimeoutMs ?? 0
  })
  return server
}
