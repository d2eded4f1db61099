import { ClusterError, limitCounter, type Component, type ComponentContext } from '@cluster/api'
import {
  createAuthenticator,
  createCors,
  createSurface,
  errorBody,
  HttpError,
  listen,
  openTls,
  userRights,
  type Listeners,
  type ServerInit
} from '@cluster/http'
import type { AbortOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { resolve } from 'node:path'
import { openAccessLog, type AccessLog } from './access-log.ts'
import type { RestApiConfig } from './config.ts'
import { boundAddress, listenTarget } from '@cluster/config'
import { openLibp2p, type Libp2pListener } from './libp2p-listener.ts'
import { RevokedTokens } from './revoked-tokens.ts'
import { createRouter } from './router.ts'
import { Tokens } from './tokens.ts'

/**
 * The REST API of a peer. It is bound from `beforeStart` and answers from `start`: what comes in between waits.
 *
 * @see http-apis.md §1, §3
 */
export class RestApi implements Component {
  readonly #context: ComponentContext<'api'>
  readonly #config: RestApiConfig
  readonly #started = Promise.withResolvers<undefined>()
  readonly #stopping = new AbortController()
  #listeners: Listeners | undefined
  #libp2p: Libp2pListener | undefined
  #accessLog: AccessLog | undefined

  constructor(context: ComponentContext<'api'>, config: RestApiConfig) {
    this.#context = context
    this.#config = config
  }

  /** Where it listens, with the real ports; nothing before `beforeStart`. */
  get addresses(): readonly Multiaddr[] {
    const targets = this.#listeners?.targets ?? []
    return this.#config.httpListenMultiaddress.flatMap((configured, index) => {
      const target = targets[index]
      return target === undefined ? [] : [boundAddress(configured, target)]
    })
  }

  /** @throws {ClusterError} `BUSY` for a port in use, `CONFIG_INVALID` for an address or log file that does not work */
  async beforeStart(): Promise<void> {
    const config = this.#config
    this.#accessLog = await openAccessLog(config.httpLogFile, this.#context.baseDir, this.#context.log)
    try {
      const tokens = await this.#tokens()
      const init = this.#serverInit(this.#gate(this.#surface(this.#accessLog, tokens)))
      const targets = config.httpListenMultiaddress.flatMap((address) => listenTarget(address) ?? [])
      // What comes over libp2p is encrypted already.
      this.#listeners = await listen({ targets, ...init, ...(await this.#tls()) })
      this.#libp2p = await openLibp2p(this.#context, config, init)
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      if (error.code === 'BAD_CERTIFICATE') throw badCertificate(error)
      const code = error.code === 'ADDRESS_IN_USE' ? 'BUSY' : 'CONFIG_INVALID'
      const advice = 'free it or change api.restapi.http_listen_multiaddress'
      throw new ClusterError(code, `REST API: ${error.message}: ${advice}`, { cause: error })
    }
  }

  async start(): Promise<void> {
    const { log } = this.#context
    const how = this.#config.basicAuthCredentials === null ? 'HTTP' : 'HTTP - authenticated'
    for (const address of this.addresses) log.info(`RESTAPI (${how}): ${address.toString()}`)
    this.#started.resolve(undefined)
    await this.#libp2p?.start()
  }

  async stop({ signal }: AbortOptions = {}): Promise<void> {
    if (this.#listeners !== undefined) this.#context.log.info('stopping Cluster API')
    this.#stopping.abort()
    const hurry = signal === undefined ? {} : { signal }
    await Promise.all([this.#listeners?.stop(hurry), this.#libp2p?.stop(hurry)])
    await this.#accessLog?.close()
    this.#listeners = undefined
    this.#libp2p = undefined
    this.#accessLog = undefined
  }

  #serverInit(listener: RequestListener): ServerInit {
    const { readHeaderTimeoutMs, readTimeoutMs, writeTimeoutMs, idleTimeoutMs, maxHeaderBytes } = this.#config
    const { log, metrics } = this.#context
    const limitReached = limitCounter(metrics)
    const onRefused = (): void => {
      limitReached('http_connections')
      log.warn('REST API: too many connections: one was refused')
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
        log.info('REST API: the changed TLS certificate is in use')
      },
      onError: (error) => {
        log.error('REST API: the changed TLS certificate is of no use: the last one stays', { error })
      }
    })
    return { createServer }
  }

  async #tokens(): Promise<Tokens | undefined> {
    const { basicAuthCredentials, tokenLifetimeMs: lifetimeMs, revokedTokensFile } = this.#config
    if (basicAuthCredentials === null) return undefined
    const { baseDir, clock } = this.#context
    const nowMs = (): number => clock.nowMs()
    const revoked = await RevokedTokens.open(resolve(baseDir, revokedTokensFile), nowMs)
    const credentials = new Map(Object.entries(basicAuthCredentials))
    return new Tokens({ credentials, lifetimeMs, nowMs, newId: randomUUID, revoked })
  }

  #surface(accessLog: AccessLog, tokens: Tokens | undefined): RequestListener {
    const { cluster, log, clock, self: peer, peername } = this.#context
    const config = this.#config
    const credentials = config.basicAuthCredentials
    const rights = userRights(config.userRights, new Set(Object.keys(credentials ?? {})))
    const nowMs = (): number => clock.nowMs()
    return createSurface({
      handler: createRouter({
        cluster,
        log,
        tokens,
        clock,
        self: { peer, peername },
        stopping: this.#stopping.signal,
        hasOwners: rights.size > 0
      }),
      onAccess: (entry) => {
        accessLog.write(entry)
      },
      ...(credentials === null
        ? {}
        : {
            authenticate: createAuthenticator({
              credentials: new Map(Object.entries(credentials)),
              rights,
              verifyToken: (token) => tokens?.verify(token)
            })
          }),
      errorBody,
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

  /** Holds requests until the peer is started. A stop cuts the connections of those that wait. */
  #gate(listener: RequestListener): RequestListener {
    return (request, response) => {
      void this.#started.promise.then(() => {
        listener(request, response)
      })
    }
  }
}

function badCertificate(error: HttpError): ClusterError {
  const advice = 'check api.restapi.ssl_cert_file and ssl_key_file'
  return new ClusterError('CONFIG_INVALID', `${error.message}: ${advice}`, { cause: error })
}
