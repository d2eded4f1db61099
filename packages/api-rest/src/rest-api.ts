import { ClusterError, type Component, type ComponentContext } from '@cluster/api'
import {
  createAuthenticator,
  createCors,
  createSurface,
  errorBody,
  HttpError,
  listen,
  type Listeners
} from '@cluster/http'
import type { AbortOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { RequestListener } from 'node:http'
import { openAccessLog, type AccessLog } from './access-log.ts'
import type { RestApiConfig } from './config.ts'
import { boundAddress, listenTarget } from '@cluster/config'
import { createRouter } from './router.ts'

/**
 * The REST API of a peer. It is bound from `beforeStart` and answers from `start`: what comes in between waits.
 *
 * @see http-apis.md §1, §3
 */
export class RestApi implements Component {
  readonly #context: ComponentContext<'api'>
  readonly #config: RestApiConfig
  readonly #started = Promise.withResolvers<undefined>()
  #listeners: Listeners | undefined
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
      this.#listeners = await listen({
        targets: config.httpListenMultiaddress.flatMap((address) => listenTarget(address) ?? []),
        listener: this.#gate(this.#surface(this.#accessLog)),
        readHeaderTimeoutMs: config.readHeaderTimeoutMs,
        readTimeoutMs: config.readTimeoutMs,
        writeTimeoutMs: config.writeTimeoutMs,
        idleTimeoutMs: config.idleTimeoutMs,
        maxHeaderBytes: config.maxHeaderBytes
      })
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      const code = error.code === 'ADDRESS_IN_USE' ? 'BUSY' : 'CONFIG_INVALID'
      const advice = 'free it or change api.restapi.http_listen_multiaddress'
      throw new ClusterError(code, `REST API: ${error.message}: ${advice}`, { cause: error })
    }
  }

  start(): void {
    const how = this.#config.basicAuthCredentials === null ? 'HTTP' : 'HTTP - authenticated'
    for (const address of this.addresses) this.#context.log.info(`RESTAPI (${how}): ${address.toString()}`)
    this.#started.resolve(undefined)
  }

  async stop({ signal }: AbortOptions = {}): Promise<void> {
    if (this.#listeners !== undefined) this.#context.log.info('stopping Cluster API')
    await this.#listeners?.stop(signal === undefined ? {} : { signal })
    await this.#accessLog?.close()
    this.#listeners = undefined
    this.#accessLog = undefined
  }

  #surface(accessLog: AccessLog): RequestListener {
    const { cluster, log, clock } = this.#context
    const config = this.#config
    const credentials = config.basicAuthCredentials
    const nowMs = (): number => clock.nowMs()
    return createSurface({
      handler: createRouter({ cluster, log, hasCredentials: credentials !== null, nowMs }),
      onAccess: (entry) => {
        accessLog.write(entry)
      },
      ...(credentials === null
        ? {}
        : { authenticate: createAuthenticator({ credentials: new Map(Object.entries(credentials)) }) }),
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
