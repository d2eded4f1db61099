import { ClusterError, limitCounter, type Component, type ComponentContext } from '@cluster/api'
import { boundAddress, listenTarget } from '@cluster/config'
import {
  checkToken,
  createAuthenticator,
  createCors,
  createSurface,
  formatAccess,
  HttpError,
  listen,
  openAccessLogFile,
  openTls,
  signToken,
  userRights,
  type AccessLogFile,
  type Listeners,
  type ServerInit
} from '@cluster/http'
import type { AbortOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { RequestListener } from 'node:http'
import { resolve } from 'node:path'
import type { PinsvcConfig } from './config.ts'
import { openOwnHost, type OwnHostListener } from './own-host.ts'
import { failureBody } from './pin-status.ts'
import { createRouter } from './router.ts'
import { openListing, type Listing } from './listing.ts'
import { RecentChanges } from './recent-changes.ts'

/**
 * The Pinning Service API of a peer. It is bound from `beforeStart` and answers from `start`: what comes in between
 * waits.
 *
 * @see http-apis.md §1, §6
 */
export class PinningService implements Component {
  readonly #context: ComponentContext<'api'>
  readonly #config: PinsvcConfig
  readonly #recent: RecentChanges
  readonly #listing: Listing
  readonly #started = Promise.withResolvers<undefined>()
  #listeners: Listeners | undefined
  #ownHost: OwnHostListener | undefined
  #accessLog: AccessLogFile | undefined

  constructor(context: ComponentContext<'api'>, config: PinsvcConfig) {
    this.#context = context
    this.#config = config
    this.#recent = new RecentChanges(context.clock)
    this.#listing = openListing(context, this.#recent)
  }

  /** Where it listens, with the real ports; nothing before `beforeStart`. */
  get addresses(): readonly Multiaddr[] {
    const targets = this.#listeners?.targets ?? []
    return this.#config.httpListenMultiaddress.flatMap((configured, index) => {
      const target = targets[index]
      return target === undefined ? [] : [boundAddress(configured, target)]
    })
  }

  /** Whether listings are answered from an index; until it is made they take longer. */
  get isIndexed(): boolean {
    return this.#listing.isIndexed()
  }

  /** @throws {ClusterError} `BUSY` for a port in use, `CONFIG_INVALID` for an address or log file that does not work */
  async beforeStart(): Promise<void> {
    this.#accessLog = await this.#openAccessLog()
    try {
      const init = this.#serverInit(this.#gate(this.#surface(this.#accessLog)))
      const targets = this.#config.httpListenMultiaddress.flatMap((each) => listenTarget(each) ?? [])
      this.#listeners = await listen({ targets, ...init, ...(await this.#tls()) })
      this.#ownHost = await openOwnHost(this.#context, this.#config, init)
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      const advice =
        error.code === 'BAD_CERTIFICATE'
          ? 'check api.pinsvcapi.ssl_cert_file and ssl_key_file'
          : 'free it or change api.pinsvcapi.http_listen_multiaddress'
      const code = error.code === 'ADDRESS_IN_USE' ? 'BUSY' : 'CONFIG_INVALID'
      const what = error.code === 'BAD_CERTIFICATE' ? '' : 'Pinning Service API: '
      throw new ClusterError(code, `${what}${error.message}: ${advice}`, { cause: error })
    }
  }

  async start(): Promise<void> {
    const { log } = this.#context
    const how = this.#config.basicAuthCredentials === null ? 'HTTP' : 'HTTP - authenticated'
    for (const address of this.addresses) log.info(`PINSVCAPI (${how}): ${address.toString()}`)
    this.#listing.start()
    this.#started.resolve(undefined)
    await this.#ownHost?.start()
  }

  async stop({ signal }: AbortOptions = {}): Promise<void> {
    if (this.#listeners !== undefined) this.#context.log.info('stopping Cluster API')
    const hurry = signal === undefined ? {} : { signal }
    await Promise.all([this.#listeners?.stop(hurry), this.#ownHost?.stop(hurry)])
    await this.#listing.stop()
    await this.#accessLog?.close()
    this.#listeners = undefined
    this.#ownHost = undefined
    this.#accessLog = undefined
  }

  #surface(accessLog: AccessLogFile): RequestListener {
    const { cluster, log, clock } = this.#context
    const config = this.#config
    const credentials = config.basicAuthCredentials
    const users = new Map(Object.entries(credentials ?? {}))
    const nowMs = (): number => clock.nowMs()
    const tokenOf = (user: string): string => signToken({ iss: user }, users.get(user) ?? '')
    return createSurface({
      handler: createRouter({
        ...{ cluster, log, clock },
        recent: this.#recent,
        list: (query, options) => this.#listing.list(query, options),
        tokenOf: credentials === null ? undefined : tokenOf
      }),
      onAccess: (entry) => {
        accessLog.write(entry)
      },
      ...(credentials === null
        ? {}
        : {
            authenticate: createAuthenticator({
              credentials: users,
              rights: userRights(config.userRights, users),
              verifyToken: (token) => checkToken(token, { credentials: users, nowMs: nowMs() })
            })
          }),
      errorBody: (_status, message) => failureBody(message),
      cors: createCors({
        allowedOrigins: config.corsAllowedOrigins,
        allowedMethods: config.corsAllowedMethods,
        allowedHeaders: config.corsAllowedHeaders,
        exposedHeaders: config.corsExposedHeaders,
        allowCredentials: config.corsAllowCredentials,
        maxAgeSeconds: Math.trunc(config.corsMaxAgeMs / 1000)
      }),
      cleanPaths: true,
      headers: config.headers,
      nowMs,
      onError: (error) => {
        log.error('a request could not be answered', { error })
      }
    })
  }

  #serverInit(listener: RequestListener): ServerInit {
    const { readHeaderTimeoutMs, readTimeoutMs, writeTimeoutMs, idleTimeoutMs, maxHeaderBytes } = this.#config
    const { log, metrics } = this.#context
    const limitReached = limitCounter(metrics)
    const onRefused = (): void => {
      limitReached('http_connections')
      log.warn('Pinning Service API: too many connections: one was refused')
    }
    return { listener, onRefused, readHeaderTimeoutMs, readTimeoutMs, writeTimeoutMs, idleTimeoutMs, maxHeaderBytes }
  }

  async #tls(): Promise<Pick<ServerInit, 'createServer'>> {
    const { sslCertFile, sslKeyFile } = this.#config
    if (sslCertFile === '') return {}
    const { baseDir, log } = this.#context
    const createServer = await openTls({
      certFile: resolve(baseDir, sslCertFile),
      keyFile: resolve(baseDir, sslKeyFile),
      onReload: () => {
        log.info('Pinning Service API: the changed TLS certificate is in use')
      },
      onError: (error) => {
        log.error('Pinning Service API: the changed TLS certificate is of no use: the last one stays', { error })
      }
    })
    return { createServer }
  }

  async #openAccessLog(): Promise<AccessLogFile> {
    const { log, baseDir } = this.#context
    const { httpLogFile } = this.#config
    if (httpLogFile === '') {
      const lines = log.child('pinsvcapilog')
      return {
        write: (entry) => {
          lines.info(formatAccess(entry))
        },
        close: () => Promise.resolve()
      }
    }
    try {
      return await openAccessLogFile(resolve(baseDir, httpLogFile), (error) => {
        log.error('the access log cannot be written', { error })
      })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new ClusterError('CONFIG_INVALID', `pinsvcapi.http_log_file: ${reason}`, { cause: error })
    }
  }

  /** Holds requests until the peer is started. A stop cuts the connections of those that wait. */
  #gate(listener: RequestListener): RequestListener {
    return (request, response) => {
      void this.#started.promise.then(() => {
        listener(request, response)
      })
    }
  }
}
