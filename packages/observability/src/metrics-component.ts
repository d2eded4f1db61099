import { ClusterError, PORT_VERSION, type BaseContext, type ComponentDescriptor, type Logger } from '@cluster/api'
import {
  duration,
  flag,
  formatMultiaddr,
  listenTarget,
  requiredAddress,
  section,
  parseMultiaddr,
  type ValuesOf
} from '@cluster/config'
import { HttpError, listen, type Listeners } from '@cluster/http'
import type { Metrics } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { prometheusMetrics } from './prometheus-metrics.ts'

const PATH = '/metrics'

/**
 * The section `observations.metrics`.
 *
 * @see cli-config.md §4.4
 */
export const metricsConfig = section({
  name: 'metrics',
  env: 'CLUSTER_METRICS',
  options: {
    enable_stats: flag({ default: false, load: 'Z', description: 'Count, and answer scrapes of Prometheus.' }),
    prometheus_endpoint: requiredAddress({
      default: parseMultiaddr('/ip4/127.0.0.1/tcp/8888'),
      description: 'Where GET /metrics is answered.',
      parseError: 'loadMetricsOptions: PrometheusEndpoint multiaddr'
    }),
    reporting_interval: duration({
      default: 30_000,
      parseError: 'error parsing metrics.metrics.reporting_interval',
      description: 'Without effect: values are read at each scrape.'
    })
  },
  validate({ enableStats, prometheusEndpoint, reportingIntervalMs }) {
    if (!enableStats) return undefined
    if (listenTarget(prometheusEndpoint) === undefined)
      return 'metrics.prometheus_endpoint: expected an address with /tcp'
    return reportingIntervalMs < 0 ? 'metrics.reporting_interval is invalid' : undefined
  }
})
/** The values of {@link metricsConfig}. */
export type MetricsConfig = ValuesOf<typeof metricsConfig>

/** The counters of one peer, and the endpoint where Prometheus reads them. */
export class MetricsEndpoint {
  /** `undefined` when the configuration does not ask for counters. */
  readonly metrics: Metrics | undefined
  readonly #registry = new Registry()
  readonly #config: MetricsConfig
  readonly #log: Logger
  #listeners: Listeners | undefined

  constructor({ log }: Pick<BaseContext, 'log'>, config: MetricsConfig) {
    this.#log = log
    this.#config = config
    if (config.enableStats) this.metrics = prometheusMetrics(this.#registry)
  }

  /** Opens the endpoint. @throws {ClusterError} `BUSY` naming the address */
  async beforeStart(): Promise<void> {
    const { enableStats, prometheusEndpoint } = this.#config
    if (enableStats) await this.#open(prometheusEndpoint)
  }

  async #open(endpoint: Multiaddr): Promise<void> {
    const target = listenTarget(endpoint)
    if (target === undefined) return
    try {
      this.#listeners = await listen({ targets: [target], listener: this.#answer })
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      throw new ClusterError('BUSY', `Prometheus endpoint: ${error.message}`, { cause: error })
    }
    collectDefaultMetrics({ register: this.#registry })
    this.#log.info(`Prometheus endpoint enabled at ${formatMultiaddr(endpoint)}`)
  }

  async stop(): Promise<void> {
    this.#registry.clear()
    await this.#listeners?.stop()
  }

  readonly #answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (new URL(request.url ?? '/', 'http://localhost').pathname !== PATH) {
      response.writeHead(404).end('404 page not found\n')
      return
    }
    this.#registry.metrics().then(
      (text) => {
        response.writeHead(200, { 'content-type': this.#registry.contentType }).end(text)
      },
      (error: unknown) => {
        this.#log.error('a scrape failed', { error })
        response.writeHead(500).end()
      }
    )
  }
}

const descriptor: ComponentDescriptor<'observations', MetricsConfig> = {
  port: PORT_VERSION,
  kind: 'observations',
  name: 'metrics',
  config: metricsConfig,
  create: (context, config) => new MetricsEndpoint(context, config)
}
export default descriptor
