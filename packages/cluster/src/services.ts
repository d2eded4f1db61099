import type { AbortOptions, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { timestampFromMs, type Metric, type PeerService, type ServiceState } from '@cluster/api'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { MemberList } from './members.ts'
import { createServiceMap, formatBulletin, parseBulletin, type Bulletin, type ServiceStatement } from './service-map.ts'
import { isAborted, waitUntil } from './wait.ts'

/**
 * The metric by which peers of this implementation tell each other what the reference knows nothing of. Peers of the
 * reference keep it like any metric, and ask nobody for it.
 */
export const BULLETIN = 'upkeep'

/** Knows what was decided about peers, and which of them look after pins. */
export interface ServiceDesk {
  get(peer: PeerId): ServiceState
  list(): readonly PeerService[]
  decide(peer: PeerId, state: ServiceState, options: AbortOptions): Promise<PeerService>
  /** Whether the IPFS side of a peer answers; true of peers that do not tell. */
  hasIpfs(peer: PeerId): boolean
  /** The trusted peers that look for pins to repair by themselves. */
  repairers(): readonly PeerId[]
  /** Whether some peer moves pins because it was told to. */
  isMoving(): boolean
  /** Tells the others that this peer moves pins; what it returns tells that it has ended. */
  beginMoving(options: AbortOptions): Promise<() => void>
  /** What this peer found out about its own IPFS side. */
  ownIpfs(answers: boolean): void
  /** Remembers what was decided before this start. */
  open(): Promise<void>
  /** Tells the others, and hears them, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
}

type Needs = Pick<CoreCollaborators, 'self' | 'consensus' | 'monitor' | 'clock' | 'log' | 'memory'>

/**
 * What is decided about a peer must be known to all peers of this implementation, must outlive each of them, the one
 * concerned above all, and must not disturb peers of the reference. So every peer keeps the whole map, and publishes it
 * as a metric of its own for as long as there is anything in it; what a trusted peer tells is merged, the later decision
 * about a peer wins. A cluster in which nothing was ever decided publishes nothing.
 */
export function createServices(
  core: Needs,
  members: MemberList,
  config: Pick<ClusterConfig, 'monitorPingIntervalMs' | 'repair' | 'followerMode'>
): ServiceDesk {
  const { self, consensus, monitor, clock, log, memory } = core
  const map = createServiceMap()
  const repairs = config.repair.intervalMs > 0 && !config.followerMode
  const parsed = new WeakMap<Metric, { readonly bulletin: Bulletin | undefined }>()
  let hasIpfs = true
  let moving = 0
  /** Once told, it is told until the end: a metric that just stops looks like a fault to others. */
  let hasSpoken = false
  let wake = (): void => undefined

  const bulletinOf = (metric: Metric): Bulletin | undefined => {
    const { bulletin } = parsed.get(metric) ?? { bulletin: parseBulletin(metric.value) }
    parsed.set(metric, { bulletin })
    return bulletin
  }

  const save = async (): Promise<void> => {
    const text = formatBulletin({ statements: map.statements(), hasIpfs: true, repairs: false, moves: false })
    await memory?.save(Buffer.from(text))
  }

  const publish = async (options: AbortOptions): Promise<void> => {
    hasSpoken ||= map.statements().length > 0 || repairs || !hasIpfs || moving > 0
    if (!hasSpoken) return
    await monitor.publishMetric(
      {
        name: BULLETIN,
        peer: self,
        value: formatBulletin({ statements: map.statements(), hasIpfs, repairs, moves: moving > 0 }),
        expire: timestampFromMs(clock.nowMs() + 2 * config.monitorPingIntervalMs),
        valid: true,
        weight: 0n,
        partitionable: false,
        receivedAt: 0n
      },
      options
    )
  }

  const serviceOf = ({ peer, state, atMs, by }: ServiceStatement): PeerService => {
    const id = peerIdFromString(peer)
    const since = timestampFromMs(atMs)
    return { peer: id, peername: members.lastPing(id).peername, state, since, by: peerIdFromString(by) }
  }

  const hear = (metric: Metric): void => {
    if (metric.name !== BULLETIN || metric.peer.equals(self) || !consensus.isTrusted(metric.peer)) return
    const statements = bulletinOf(metric)?.statements.filter(({ peer, by }) => isPeerId(peer) && isPeerId(by)) ?? []
    if (!map.merge(statements)) return
    log.info('what peers are to do was decided elsewhere', { by: metric.peer.toString() })
    save().catch((error: unknown) => {
      log.error('what was decided about peers is not stored', { error })
    })
    wake()
  }

  const said = (): readonly Metric[] => members.metrics(BULLETIN).filter(({ peer }) => consensus.isTrusted(peer))

  return {
    get: (peer) => map.get(peer.toString()),
    list: () => map.statements().map(serviceOf),
    async decide(peer, state, options) {
      const statement = map.decide(peer.toString(), state, self.toString(), clock.nowMs())
      await save()
      await publish(options)
      wake()
      return serviceOf(statement)
    },
    hasIpfs(peer) {
      if (peer.equals(self)) return hasIpfs
      const metric = said().find((each) => each.peer.equals(peer))
      return metric === undefined || bulletinOf(metric)?.hasIpfs !== false
    },
    repairers() {
      const others = said().filter((metric) => !metric.peer.equals(self) && bulletinOf(metric)?.repairs === true)
      return [...(repairs ? [self] : []), ...others.map(({ peer }) => peer)]
    },
    isMoving: () =>
      moving > 0 || said().some((metric) => !metric.peer.equals(self) && bulletinOf(metric)?.moves === true),
    async beginMoving(options) {
      moving += 1
      await publish(options).catch((error: unknown) => {
        log.warn('others are not told that pins are being moved', { error })
      })
      return () => {
        moving -= 1
        wake()
      }
    },
    ownIpfs(answers) {
      if (answers === hasIpfs) return
      hasIpfs = answers
      wake()
    },
    async open() {
      const bytes = await memory?.load()
      if (bytes === undefined) return
      map.merge(parseBulletin(Buffer.from(bytes).toString())?.statements ?? [])
    },
    async run(signal) {
      const onMetric = ({ detail }: CustomEvent<Metric>): void => {
        hear(detail)
      }
      monitor.addEventListener('metric', onMetric)
      for (const metric of monitor.latestMetrics(BULLETIN)) hear(metric)
      try {
        let atMs = clock.nowMs()
        let woken = new AbortController()
        wake = () => {
          woken.abort()
        }
        while (!signal.aborted) {
          await waitUntil(clock, atMs, AbortSignal.any([signal, woken.signal]))
          if (isAborted(signal)) return
          woken = new AbortController()
          await publish({ signal }).catch((error: unknown) => {
            log.warn('what was decided about peers could not be published', { error })
          })
          atMs = clock.nowMs() + config.monitorPingIntervalMs
        }
      } finally {
        monitor.removeEventListener('metric', onMetric)
      }
    }
  }
}

function isPeerId(text: string): boolean {
  try {
    peerIdFromString(text)
    return true
  } catch {
    return false
  }
}
