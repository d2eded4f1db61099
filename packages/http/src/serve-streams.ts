import type { Stream } from '@libp2p/interface'
import type { Server } from 'node:http'
import { HttpError } from './errors.ts'
import { DEFAULT_MAX_CONNECTIONS, openServer, type ServerInit } from './open-server.ts'
import { StreamSocket } from './stream-socket.ts'

/** The protocol under which HTTP/1.1 is spoken over a libp2p stream. @see http-apis.md §1.5 */
export const HTTP_PROTOCOL = '/libp2p-http'

/** Answers HTTP on libp2p streams. */
export interface StreamServer {
  /**
   * Takes a stream as a connection, with as many requests as the client sends on it. One too many, or one that comes
   * after the stop, is reset.
   *
   * @param remoteHost - the name of the client for the access log: its peer ID
   */
  serve(stream: Stream, remoteHost: string): void
  /**
   * Takes no more streams and waits for the answers under way, at most `graceMs` (default 5000) or until `signal`
   * aborts; then cuts what is left. Further calls wait for the first.
   */
  stop(options?: { graceMs?: number; signal?: AbortSignal }): Promise<void>
}

/**
 * Serves HTTP/1.1 over libp2p streams: the same listener and limits as for `listen()`, on streams instead of sockets.
 *
 * @see http-apis.md §1.5
 */
export function serveStreams(init: ServerInit): StreamServer {
  return new OpenStreams(init)
}

class OpenStreams implements StreamServer {
  readonly #server: Server
  readonly #maxConnections: number
  readonly #onRefused: (() => void) | undefined
  /** Answers under way on each connection. */
  readonly #open = new Map<StreamSocket, number>()
  readonly #closed = Promise.withResolvers<undefined>()
  #stopping: Promise<void> | undefined

  constructor(init: ServerInit) {
    this.#maxConnections = init.maxConnections ?? DEFAULT_MAX_CONNECTIONS
    this.#onRefused = init.onRefused
    this.#server = openServer(init)
    // It never listens, but with this Node begins to look after the time that headers take.
    this.#server.emit('listening')
    this.#server.on('request', ({ socket }, response) => {
      const connection = socket as unknown as StreamSocket
      this.#count(connection, 1)
      response.once('close', () => {
        this.#count(connection, -1)
        this.#endIfIdle(connection)
      })
    })
  }

  serve(stream: Stream, remoteHost: string): void {
    if (this.#stopping !== undefined) {
      stream.abort(new HttpError('CLOSED', 'the server is stopping'))
      return
    }
    if (this.#open.size >= this.#maxConnections) {
      this.#onRefused?.()
      stream.abort(new HttpError('TOO_MANY_CONNECTIONS', `more than ${this.#maxConnections} connections`))
      return
    }
    const connection = new StreamSocket(stream, remoteHost)
    this.#open.set(connection, 0)
    connection.once('close', () => {
      this.#open.delete(connection)
      if (this.#stopping !== undefined && this.#open.size === 0) this.#closed.resolve(undefined)
    })
    this.#server.emit('connection', connection)
  }

  stop({ graceMs = 5000, signal }: { graceMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    this.#stopping ??= this.#stop(graceMs, signal)
    return this.#stopping
  }

  async #stop(graceMs: number, signal: AbortSignal | undefined): Promise<void> {
    await Promise.resolve() // so that what ends from here on finds that we are stopping
    const cut = (): void => {
      for (const connection of this.#open.keys()) connection.destroy()
    }
    const timer = setTimeout(cut, graceMs)
    signal?.addEventListener('abort', cut, { once: true })
    for (const connection of this.#open.keys()) this.#endIfIdle(connection)
    if (signal?.aborted === true) cut()
    if (this.#open.size > 0) await this.#closed.promise
    clearTimeout(timer)
    signal?.removeEventListener('abort', cut)
    this.#server.close()
  }

  #count(connection: StreamSocket, by: number): void {
    const answers = this.#open.get(connection)
    if (answers !== undefined) this.#open.set(connection, answers + by)
  }

  #endIfIdle(connection: StreamSocket): void {
    if (this.#stopping !== undefined && this.#open.get(connection) === 0) connection.destroySoon()
  }
}
