import type { RequestListener, ServerOptions } from 'node:http'
import { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { readKeyPair, versionOf, type KeyPair, type TlsFiles } from './tls-files.ts'

/** What a listener with TLS is made of. */
export interface TlsOptions extends TlsFiles {
  /** Told when a changed certificate is in use. */
  readonly onReload?: () => void
  /** Told when changed files are of no use; the last good certificate stays in use. */
  readonly onError?: (error: Error) => void
}

/** Makes HTTPS servers: for `createServer` of `listen()`, never of `serveStreams()`, where libp2p has encrypted already. */
export type TlsServerFactory = (options: ServerOptions, listener: RequestListener) => Server

/** The suites and curves of the reference, and those that serve ECDSA certificates and current clients. */
const rules: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ecdhCurve: 'X25519:P-521:P-384:P-256',
  honorCipherOrder: true,
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-SHA',
    'AES256-GCM-SHA384',
    'AES256-SHA'
  ].join(':')
}

const PLAIN_HTTP_ANSWER = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'

/**
 * Reads the certificate and gives what makes servers with it. Each new connection looks whether the files have changed,
 * and gets the new certificate then: nothing watches, nothing has to be stopped.
 *
 * @throws {HttpError} `BAD_CERTIFICATE`
 * @see http-apis.md §1.4
 */
export async function openTls(options: TlsOptions): Promise<TlsServerFactory> {
  const version = await versionOf(options)
  const first = await readKeyPair(options)
  return (serverOptions, listener) => new TlsServer({ options, serverOptions, listener, first, version })
}

interface TlsServerInit {
  readonly options: TlsOptions
  readonly serverOptions: ServerOptions
  readonly listener: RequestListener
  readonly first: KeyPair
  readonly version: string
}

class TlsServer extends Server {
  readonly #options: TlsOptions
  /** Connections that have said nothing yet. */
  readonly #silent = new Set<Socket>()
  /** All connections, those that shake hands among them: Node counts them only afterwards. */
  readonly #sockets = new Set<Socket>()
  readonly #helloTimeoutMs: number
  readonly #accept: readonly ((socket: Socket) => void)[]
  #version: string
  #checking: Promise<void> | undefined

  constructor({ options, serverOptions, listener, first, version }: TlsServerInit) {
    const helloTimeoutMs = serverOptions.headersTimeout ?? 0
    super({ ...serverOptions, ...rules, ...first, handshakeTimeout: helloTimeoutMs || 120_000 }, listener)
    this.#options = options
    this.#helloTimeoutMs = helloTimeoutMs
    this.#version = version
    // A connection goes to TLS once it is known to speak it.
    this.#accept = this.listeners('connection') as ((socket: Socket) => void)[]
    this.removeAllListeners('connection')
    this.on('connection', (socket: Socket) => {
      this.#open(socket)
    })
  }

  override closeIdleConnections(): void {
    for (const socket of this.#silent) socket.destroy()
    super.closeIdleConnections()
  }

  override closeAllConnections(): void {
    super.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
  }

  #open(socket: Socket): void {
    this.#sockets.add(socket)
    this.#silent.add(socket)
    const { promise: spoken, resolve } = Promise.withResolvers<undefined>()
    const timer = this.#helloTimeoutMs > 0 ? setTimeout(() => socket.destroy(), this.#helloTimeoutMs) : undefined
    const ignore = (): void => undefined // an error before the handshake: the connection closes
    socket.on('error', ignore)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#sockets.delete(socket)
      this.#silent.delete(socket)
      resolve(undefined)
    })
    socket.once('readable', () => {
      resolve(undefined)
    })
    void Promise.all([spoken, this.#reload()]).then(() => {
      clearTimeout(timer)
      this.#silent.delete(socket)
      const hello: unknown = socket.destroyed ? null : socket.read()
      if (!(hello instanceof Uint8Array)) {
        socket.destroy()
        return
      }
      if (isText(hello[0])) {
        socket.end(PLAIN_HTTP_ANSWER, () => {
          socket.destroySoon()
        })
        return
      }
      socket.unshift(hello)
      for (const accept of this.#accept) accept.call(this, socket)
    })
  }

  #reload(): Promise<void> {
    this.#checking ??= this.#reloadIfChanged().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #reloadIfChanged(): Promise<void> {
    const version = await versionOf(this.#options)
    if (version === this.#version) return
    this.#version = version // files that are of no use are read again when they change again
    try {
      this.setSecureContext({ ...rules, ...(await readKeyPair(this.#options)) })
      this.#options.onReload?.()
    } catch (error) {
      this.#options.onError?.(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** Methods of HTTP begin with a letter; the first record of TLS has the type 22. */
function isText(byte = 0): boolean {
  return byte >= 0x41 && byte <= 0x5a
}
