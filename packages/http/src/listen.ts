import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { HttpError } from './errors.ts'
import { watchStalls } from './stalled.ts'

/** Where to listen: a host and port (0 = any free one), or a Unix socket. */
export type ListenTarget = { readonly host: string; readonly port: number } | { readonly path: string }

/** Limits of the connections of a listener. */
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

/** What to open. */
export interface ListenOptions extends ListenLimits {
  readonly targets: readonly ListenTarget[]
  readonly listener: RequestListener
  /** A listener that failed later, for instance for want of file descriptors; it goes on listening. */
  readonly onError?: (error: Error) => void
  /** Makes the servers; for TLS hand in one of `node:https`. Default: `createServer` of `node:http`. */
  readonly createServer?: (options: ServerOptions, listener: RequestListener) => Server
}

/** Open listeners. */
export interface Listeners {
  /** What was opened, with the real ports, in the order of the targets. */
  readonly targets: readonly ListenTarget[]
  /**
   * Takes no new connections and waits for the answers under way, at most `graceMs` (default 5000) or until `signal`
   * aborts; then cuts what is left. Further calls wait for the first.
   */
  readonly stop: (options?: { graceMs?: number; signal?: AbortSignal }) => Promise<void>
}

/**
 * Opens HTTP listeners, all or none.
 *
 * @throws HttpError `ADDRESS_IN_USE`, `CANNOT_LISTEN`, with the address in the message
 * @see http-apis.md §1.6
 */
export async function listen(options: ListenOptions): Promise<Listeners> {
  const servers: Server[] = []
  try {
    for (const target of options.targets) {
      const server = openServer(options)
      await bind(server, target)
      server.on('error', options.onError ?? (() => undefined)) // without a listener it would end the process
      servers.push(server)
    }
  } catch (error) {
    await Promise.all(servers.map((server) => closeServer(server, 0)))
    throw error
  }
  let stopped: Promise<void> | undefined
  return {
    targets: servers.map((server) => boundTarget(server)),
    stop: ({ graceMs = 5000, signal } = {}) => {
      stopped ??= Promise.all(servers.map((server) => closeServer(server, graceMs, signal))).then(() => undefined)
      return stopped
    }
  }
}

/** `127.0.0.1:9094`, `[::1]:9094` or the path of a Unix socket. */
export function formatTarget(target: ListenTarget): string {
  if ('path' in target) return target.path
  return `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`
}

function openServer(options: ListenOptions): Server {
  const readHeaderTimeoutMs = options.readHeaderTimeoutMs ?? 5000
  const server = (options.createServer ?? createServer)(
    {
      headersTimeout: readHeaderTimeoutMs,
      requestTimeout: options.readTimeoutMs ?? 0, // Node's default would cut uploads after 5 minutes
      keepAliveTimeout: options.idleTimeoutMs ?? 120_000,
      connectionsCheckingInterval: Math.min(1000, Math.max(100, readHeaderTimeoutMs)),
      maxHeaderSize: (options.maxHeaderBytes ?? 4096) + 4096
    },
    options.listener
  )
  server.maxConnections = options.maxConnections ?? 4096
  watchStalls(server, {
    stallTimeoutMs: options.stallTimeoutMs ?? 30 * 60_000,
    writeTimeoutMs: options.writeTimeoutMs ?? 0
  })
  return server
}

async function bind(server: Server, target: ListenTarget): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const address = formatTarget(target)
      reject(
        cause.code === 'EADDRINUSE'
          ? new HttpError('ADDRESS_IN_USE', `cannot listen on ${address}: the address is in use`, { cause })
          : new HttpError('CANNOT_LISTEN', `cannot listen on ${address}: ${cause.message}`, { cause })
      )
    })
    server.listen(target, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

function boundTarget(server: Server): ListenTarget {
  const address = server.address()
  if (address === null) throw new HttpError('CANNOT_LISTEN', 'the listener closed while it was opened')
  return typeof address === 'string' ? { path: address } : { host: address.address, port: address.port }
}

async function closeServer(server: Server, graceMs: number, signal?: AbortSignal): Promise<void> {
  const cut = (): void => {
    server.closeAllConnections()
  }
  const timer = setTimeout(cut, graceMs)
  signal?.addEventListener('abort', cut, { once: true })
  try {
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
    })
    if (signal?.aborted === true) cut()
    await closed
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cut)
  }
}
