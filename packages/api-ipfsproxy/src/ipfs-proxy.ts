import { ClusterError, limitCounter, type Component, type ComponentContext } from '@cluster/api'
import { boundAddress, listenTarget } from '@cluster/config'
import {
  createAuthenticator,
  formatAccess,
  HttpError,
  listen,
  openAccessLogFile,
  type AccessLogFile,
  type Listeners
} from '@cluster/http'
import type { AbortOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { resolve } from 'node:path'
import type { RequestListener } from 'node:http'
import { textOf } from './call.ts'
import type { IpfsProxyConfig } from './config.ts'
import { Daemon } from './daemon.ts'
import { HijackHeaders } from './hijack-headers.ts'
import { nodeTarget } from './node-target.ts'
import { createProxy } from './proxy-listener.ts'

/**
 * The proxy before an IPFS daemon: programs made for Kubo's RPC pin, add and list in the cluster without knowing it. It
 * is bound from `beforeStart` and answers from `start`: what comes in between waits.
 *
 * @see http-apis.md §5
 */
export class IpfsProxy implements Component {
  readonly #context: ComponentContext<'api'>
  readonly #config: IpfsProxyConfig
  readonly #started = Promise.withResolvers<undefined>()
  #daemon: Daemon | undefined
  #listeners: Listeners | undefined
  #accessLog: AccessLogFile | undefined

  constructor(context: ComponentContext<'api'>, config: IpfsProxyConfig) {
    this.#context = context
    this.#config = config
  }

  /** Where it listens, with the real ports; nothing before `beforeStart`. */
  get addresses(): readonly Multiaddr[] {
    const targets = this.#listeners?.targets ?? []
    return this.#config.listenMultiaddress.flatMap((configured, index) => {
      const target = targets[index]
      return target === undefined ? [] : [boundAddress(configured, target)]
    })
  }

  /** @throws {ClusterError} `BUSY` for a port in use, `CONFIG_INVALID` for an address or log file that does not work */
  async beforeStart(): Promise<void> {
    const { log, metrics } = this.#context
    const { readHeaderTimeoutMs, readTimeoutMs, writeTimeoutMs, idleTimeoutMs, maxHeaderBytes } = this.#config
    this.#accessLog = await this.#openAccessLog()
    const limitReached = limitCounter(metrics)
    try {
      this.#listeners = await listen({
        targets: this.#config.listenMultiaddress.flatMap((each) => listenTarget(each) ?? []),
        listener: this.#gate(this.#proxy(this.#accessLog)),
        onRefused: () => {
          limitReached('http_connections')
          log.warn('IPFS Proxy: too many connections: one was refused')
        },
        ...{ readHeaderTimeoutMs, readTimeoutMs, writeTimeoutMs, idleTimeoutMs, maxHeaderBytes }
      })
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      const code = error.code === 'ADDRESS_IN_USE' ? 'BUSY' : 'CONFIG_INVALID'
      const advice = 'free it or change api.ipfsproxy.listen_multiaddress'
      throw new ClusterError(code, `IPFS Proxy: ${error.message}: ${advice}`, { cause: error })
    }
  }

  start(): void {
    const { log, ipfsConnector } = this.#context
    const node = this.#config.nodeMultiaddress?.toString() ?? ''
    for (const address of this.addresses) log.info(`IPFS Proxy: ${address.toString()} -> ${node}`)
    if (ipfsConnector === 'embedded') {
      log.warn(
        'IPFS Proxy: the IPFS of this peer is embedded and has no RPC of its own: pin, add and repo calls are answered ' +
          `by the cluster, all others go to ${node}, where a Kubo has to run; remove api.ipfsproxy if there is none`
      )
    }
    this.#started.resolve(undefined)
  }

  async stop({ signal }: AbortOptions = {}): Promise<void> {
    if (this.#listeners !== undefined) this.#context.log.info('stopping IPFS proxy')
    await this.#listeners?.stop(signal === undefined ? {} : { signal })
    await this.#daemon?.close()
    await this.#accessLog?.close()
    this.#listeners = undefined
    this.#daemon = undefined
    this.#accessLog = undefined
  }

  #proxy(accessLog: AccessLogFile): RequestListener {
    const { cluster, log, clock } = this.#context
    const config = this.#config
    const target = config.nodeMultiaddress && nodeTarget(config.nodeMultiaddress, config.nodeHttps)
    if (target === undefined) throw new ClusterError('CONFIG_INVALID', 'ipfsproxy.node_multiaddress not set')
    const daemon = (this.#daemon = new Daemon(target))
    const headers = new HijackHeaders({
      daemon,
      log,
      clock,
      extra: config.extractHeadersExtra,
      path: config.extractHeadersPath,
      ttlMs: config.extractHeadersTtlMs
    })
    const credentials = config.basicAuthCredentials
    return createProxy({
      ...{ cluster, log, clock, daemon, headers },
      onAccess: (entry) => {
        accessLog.write(entry)
      },
      ...(credentials === null
        ? {}
        : { authenticate: createAuthenticator({ credentials: new Map(Object.entries(credentials)) }) }),
      refuseForeignOrigins: config.refuseForeignOrigins,
      pinImports: config.pinImports
    })
  }

  async #openAccessLog(): Promise<AccessLogFile> {
    const { log, baseDir } = this.#context
    const { logFile } = this.#config
    if (logFile === '') {
      const lines = log.child('ipfsproxylog')
      return {
        write: (entry) => {
          lines.info(formatAccess(entry))
        },
        close: () => Promise.resolve()
      }
    }
    try {
      return await openAccessLogFile(resolve(baseDir, logFile), (error) => {
        log.error('the access log cannot be written', { error })
      })
    } catch (error) {
      throw new ClusterError('CONFIG_INVALID', `ipfsproxy.log_file: ${textOf(error)}`, { cause: error })
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
