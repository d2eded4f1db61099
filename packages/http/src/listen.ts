import type { Server } from 'node:http'
import { HttpError } from './errors.ts'
import { openServer, type ServerInit } from './open-server.ts'

/** Where to listen: a host and port (0 = any free one), or a Unix socket. */
export type ListenTarget = { readonly host: string; readonly port: number } | { readonly path: string }

/** What to open. */
export interface ListenOptions extends ServerInit {
  readonly targets: readonly ListenTarget[]
  /** A listener that failed later, for instance for want of file descriptors; it goes on listening. */
  readonly onError?: (error: Error) => void
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
