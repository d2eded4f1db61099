import type { AbortOptions, PeerId } from '@libp2p/interface'
import {
  isMetricDiscarded,
  timestampFromMs,
  toClusterError,
  type ClusterError,
  type Informer,
  type Metric
} from '@cluster/api'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { formatPing, PING, type PingValue } from './ping-value.ts'
import type { ServiceDesk } from './services.ts'
import { waitUntil, withDeadline } from './wait.ts'

/** Least time between two publications that new subscribers or the IPFS side ask for. */
export const REPUBLISH_INTERVAL_MS = 2_000
/** What is assumed of informers that had nothing valid to say. */
const METRIC_LIFETIME_MS = 30_000

/** Tells the others that we are there, and what our informers measure. */
export interface Heartbeat {
  publishPing(options: AbortOptions): Promise<void>
  /** All informers once, in order. @throws the failures as one error, after the last */
  publishInformers(options: AbortOptions): Promise<void>
  /** Makes a peer a member until its own ping arrives. */
  logSyntheticPing(peer: PeerId): void
  /** Publishes on intervals until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
}

type Needs = Pick<CoreCollaborators, 'self' | 'peername' | 'monitor' | 'ipfs' | 'informers' | 'clock' | 'log'>

/**
 * @see behaviours.md §1.6
 */
export function createHeartbeat(
  core: Needs,
  services: Pick<ServiceDesk, 'get' | 'ownIpfs'>,
  config: Pick<ClusterConfig, 'monitorPingIntervalMs'>
): Heartbeat {
  const { self, peername, monitor, ipfs, informers, clock, log } = core
  const { monitorPingIntervalMs: intervalMs } = config
  let lastGood: PingValue | undefined

  const pingOf = (peer: PeerId, value: string): Metric => ({
    name: PING,
    peer,
    value,
    expire: timestampFromMs(clock.nowMs() + 2 * intervalMs),
    valid: true,
    weight: 0n,
    partitionable: false,
    receivedAt: 0n
  })

  /** A lost or hung IPFS side must not make this peer look dead: then what it last said is repeated. */
  const pingValue = async (signal: AbortSignal | undefined): Promise<PingValue> => {
    try {
      const { id, addresses } = await withDeadline(clock, intervalMs, signal, (limited) => ipfs.id({ signal: limited }))
      services.ownIpfs(id !== undefined)
      if (id !== undefined) {
        lastGood = { peername, ipfsPeerId: id, ipfsPeerAddresses: addresses }
        return lastGood
      }
    } catch (error) {
      signal?.throwIfAborted()
      services.ownIpfs(false)
      log.warn('the IPFS side does not say who it is', { error })
    }
    return lastGood ?? { peername, ipfsPeerId: undefined, ipfsPeerAddresses: undefined }
  }

  const publishPing = async (options: AbortOptions): Promise<void> => {
    const value = formatPing(await pingValue(options.signal))
    await monitor.publishMetric(pingOf(self, value), options)
  }

  /** Publishes what one informer measures; answers for how long that stands. */
  const publishInformer = async (
    informer: Informer,
    options: AbortOptions
  ): Promise<{ lifetimeMs: number; error: ClusterError | undefined }> => {
    // Peers of the reference choose nobody who does not publish; ours would know anyway.
    if (services.get(self) !== 'active') return { lifetimeMs: METRIC_LIFETIME_MS, error: undefined }
    let lifetimeMs = 0
    let failure: unknown
    try {
      const metrics = await informer.getMetrics(options)
      if (metrics.length === 0) log.error(`informer ${informer.name} produced no metrics`)
      for (const metric of metrics) {
        if (isMetricDiscarded(metric, timestampFromMs(clock.nowMs()))) continue
        const leftMs = Number(metric.expire / 1_000_000n) - clock.nowMs()
        if (leftMs > 0 && (lifetimeMs === 0 || leftMs < lifetimeMs)) lifetimeMs = leftMs
        await monitor.publishMetric({ ...metric, peer: self }, options).catch((error: unknown) => {
          failure ??= error
        })
      }
    } catch (error) {
      failure ??= error
    }
    const error = failure === undefined ? undefined : toClusterError(failure)
    return { lifetimeMs: lifetimeMs === 0 ? METRIC_LIFETIME_MS : lifetimeMs, error }
  }

  const publishInformers = async (options: AbortOptions): Promise<void> => {
    let failure: ClusterError | undefined
    for (const informer of informers) failure ??= (await publishInformer(informer, options)).error
    if (failure !== undefined) throw failure
  }

  const beat = async (signal: AbortSignal): Promise<void> => {
    for (let atMs = clock.nowMs(); await waitUntil(clock, atMs, signal);) {
      await publishPing({ signal }).catch(grumble('the ping could not be published'))
      const nowMs = clock.nowMs()
      // a clock that was set back must not silence us for as long
      atMs = Math.min(Math.max(atMs, nowMs - intervalMs), nowMs) + intervalMs
    }
  }

  const inform = async (informer: Informer, signal: AbortSignal): Promise<void> => {
    for (let atMs = clock.nowMs(); await waitUntil(clock, atMs, signal);) {
      const { lifetimeMs, error } = await publishInformer(informer, { signal })
      if (error !== undefined) grumble(`metrics of informer ${informer.name} could not be published`)(error)
      atMs = clock.nowMs() + Math.max(1, lifetimeMs / (error === undefined ? 2 : 4))
    }
  }

  /** A peer that begins to listen would else wait for a whole interval before it knows us. */
  const republish = async (signal: AbortSignal): Promise<void> => {
    let lastMs = -Infinity
    let wanted: { readonly ping: boolean } | undefined
    let wake = (): void => undefined
    const want = (ping: boolean): void => {
      wanted = { ping: ping || wanted?.ping === true }
      wake()
    }
    const onSubscriber = (): void => {
      want(true)
    }
    const onInformersDue = (): void => {
      want(false)
    }
    monitor.addEventListener('subscriber', onSubscriber)
    ipfs.addEventListener('informers:due', onInformersDue)
    signal.addEventListener('abort', onInformersDue, { once: true })
    try {
      while (!signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (wanted !== undefined) resolve()
        })
        const sinceMs = Math.min(lastMs, clock.nowMs())
        if (!(await waitUntil(clock, Math.max(clock.nowMs(), sinceMs + REPUBLISH_INTERVAL_MS), signal))) return
        const { ping } = wanted ?? { ping: true }
        wanted = undefined
        lastMs = clock.nowMs()
        if (ping) await publishPing({ signal }).catch(grumble('the ping could not be published'))
        await publishInformers({ signal }).catch(grumble('metrics could not be published'))
      }
    } finally {
      monitor.removeEventListener('subscriber', onSubscriber)
      ipfs.removeEventListener('informers:due', onInformersDue)
      signal.removeEventListener('abort', onInformersDue)
    }
  }

  const grumble =
    (text: string) =>
    (error: unknown): void => {
      log.warn(text, { error })
    }

  return {
    publishPing,
    publishInformers,
    logSyntheticPing(peer) {
      monitor.logMetric(pingOf(peer, ''))
    },
    async run(signal) {
      await Promise.all([beat(signal), ...informers.map((informer) => inform(informer, signal)), republish(signal)])
    }
  }
}
