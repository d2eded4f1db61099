import type { AbortOptions } from '@libp2p/interface'
import { ClusterError, isClusterError, toClusterError, type Component, type TrackedPin } from '@cluster/api'
import { createAcquaintance } from './acquaintance.ts'
import type { Allocation } from './allocation.ts'
import type { Background } from './background.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { Events } from './events.ts'
import type { Heartbeat } from './heartbeat.ts'
import { connectSwarms, recoverOwn } from './join.ts'
import type { MemberList } from './members.ts'
import { feedPinset } from './pinset-feed.ts'
import { watchPresence } from './presence.ts'
import type { Repair } from './repair.ts'
import type { ServiceDesk } from './services.ts'
import type { StatusBoard } from './statuses.ts'
import type { UpkeepDesk } from './upkeep.ts'
import { abortable, unlessAborted, waitUntil, withDeadline } from './wait.ts'

/** Peers that are dialled before anything else, and between them. @see behaviours.md §1.1, §1.10 */
const FIRST_CONNECTIONS = 3
const RECONNECT_INTERVAL_MS = 30_000
const PRIORITY_RECONNECT_INTERVAL_MS = 300_000
/** How long the IPFS side may take to say who it is, for a log line. */
const IPFS_ID_TIMEOUT_MS = 10_000

/** Start, readiness and end of the core. */
export interface Life extends Required<Pick<Component, 'start' | 'stop'>> {
  /** @throws {ClusterError} `STOPPED` when the core ends first */
  ready(options: AbortOptions): Promise<void>
  /** Whether this peer left the cluster or was removed: then its consensus data goes too, once that has stopped. */
  readonly removed: boolean
}

/** The parts of the core that life sets in motion. */
export interface LivingParts {
  readonly members: MemberList
  readonly heartbeat: Heartbeat
  readonly allocation: Allocation
  readonly statuses: StatusBoard
  readonly repair: Repair
  readonly services: ServiceDesk
  readonly upkeep: UpkeepDesk
  readonly events: Events
  readonly background: Background
}

/**
 * @see behaviours.md §1.1, §1.4, §1.5, §1.9, §1.11
 */
export function createLife(core: CoreCollaborators, parts: LivingParts, config: ClusterConfig): Life {
  const { self, consensus, tracker, ipfs, network, clock, log } = core
  const { members, heartbeat, allocation, statuses, repair, services, upkeep, events, background } = parts
  const acquaintance = createAcquaintance(core, background, config)
  const readiness = Promise.withResolvers<undefined>()
  // Nobody has to wait for it.
  readiness.promise.catch(() => undefined)
  let forgetPresence: () => void = () => undefined
  let isReady = false
  let removed = false
  let stopping: Promise<void> | undefined

  /**
   * First connections, and a ping in the name of those who answered: they are members until their own arrives. Who
   * does not answer holds nothing up.
   */
  const connect = async (signal: AbortSignal): Promise<void> => {
    for (const address of config.peerAddresses) {
      await network.importAddress(address, { dial: false, priority: 0, signal }).catch((error: unknown) => {
        log.debug('an address of peer_addresses was not taken', { address: address.toString(), error })
      })
    }
    const connected = await network.bootstrap(FIRST_CONNECTIONS, { byPriority: true, force: true, signal })
    for (const peer of connected) heartbeat.logSyntheticPing(peer)
  }

  const becomeReady = async (signal: AbortSignal): Promise<void> => {
    await services.open().catch((error: unknown) => {
      log.error('what was decided about peers could not be read', { error })
    })
    const limitMs = consensus.traits.readyTimeoutMs
    await withDeadline(clock, limitMs, signal, (limited) => consensus.ready({ signal: limited })).catch(
      (error: unknown) => {
        if (!isClusterError(error, 'TIMEOUT')) throw error
        throw new ClusterError('NOT_READY', `consensus was not ready within ${limitMs / 1_000} s`)
      }
    )
    const others = (await members.list({ signal })).filter((peer) => !peer.equals(self))
    log.info('Cluster Peers (without including ourselves):')
    if (others.length === 0) log.info(' - No other peers')
    for (const peer of others) log.info(` - ${peer.toString()}`)
    await ipfs.ready({ signal })
    await withDeadline(clock, IPFS_ID_TIMEOUT_MS, signal, (limited) => ipfs.id({ signal: limited })).then(
      ({ id }) => {
        log.info(`IPFS side: ${id?.toString() ?? 'without an ID'}`)
      },
      () => undefined
    )
    signal.throwIfAborted()
    isReady = true
    allocation.settleFrom(clock.nowMs())
    readiness.resolve(undefined)
    events.emit({ type: 'ready' })
    log.info('** IPFS Cluster is READY **')
  }

  const live = async (signal: AbortSignal): Promise<void> => {
    background.run('the first connections', connect)
    try {
      await becomeReady(signal)
    } catch (error) {
      if (signal.aborted) return
      log.error('This peer could not start and stops now.', { error })
      log.error('With a consensus by majority: are most of its peers running, and can this one reach them?')
      log.error('Are its identity, secret and addresses those that the others know?')
      core.fatal(toClusterError(error))
      return
    }
    background.run('publishing metrics', (until) => heartbeat.run(until))
    background.run('telling what was decided about peers', (until) => services.run(until))
    background.run('looking after pins', (until) => upkeep.run(until))
    background.run('handling alerts', (until) => repair.run(until))
    background.run('watching the pinset', watchPinset)
    background.run('watching the members', watchPeers)
    background.run('reconnecting', (until) => reconnect(RECONNECT_INTERVAL_MS, until, false))
    if (config.peerAddresses.length > 0) {
      background.run('reconnecting', (until) => reconnect(PRIORITY_RECONNECT_INTERVAL_MS, until, true))
    }
  }

  /** Recovery and expiry take turns: both read the whole pinset. */
  const watchPinset = async (signal: AbortSignal): Promise<void> => {
    let recoverAtMs = clock.nowMs()
    let syncAtMs = clock.nowMs() + config.stateSyncIntervalMs
    while (await waitUntil(clock, Math.min(recoverAtMs, syncAtMs), signal)) {
      const isRecovery = recoverAtMs <= syncAtMs
      const work = isRecovery ? recoverOwn(statuses, { signal }) : repair.syncState({ signal })
      await work.catch((error: unknown) => {
        if (!signal.aborted) log.error(isRecovery ? 'pins were not recovered' : 'expired pins stay', { error })
      })
      const nowMs = clock.nowMs()
      // a clock that was set back must not put the other one off for as long
      recoverAtMs = Math.min(isRecovery ? Infinity : recoverAtMs, nowMs + config.pinRecoverIntervalMs)
      syncAtMs = Math.min(isRecovery ? syncAtMs : Infinity, nowMs + config.stateSyncIntervalMs)
    }
  }

  const watchPeers = async (signal: AbortSignal): Promise<void> => {
    while (await waitUntil(clock, clock.nowMs() + config.peerWatchIntervalMs, signal)) {
      try {
        const peers = await members.list({ signal })
        if (peers.some((peer) => peer.equals(self))) continue
      } catch (error) {
        if (!signal.aborted) log.error('the members of the cluster are not known', { error })
        continue
      }
      removed = true
      log.warn('peer no longer in peerset. Initiating shutdown')
      core.fatal(new ClusterError('STOPPED', 'this peer was removed from the cluster'))
      return
    }
  }

  const reconnect = async (intervalMs: number, signal: AbortSignal, isPriority: boolean): Promise<void> => {
    while (await waitUntil(clock, clock.nowMs() + intervalMs, signal)) {
      const count = isPriority ? 1 : config.connectionManager.lowWater
      await network.bootstrap(count, { byPriority: isPriority, force: isPriority, signal }).catch((error: unknown) => {
        if (!signal.aborted) log.debug('known peers were not reconnected', { error })
      })
    }
  }

  const onSwarmsDue = (): void => {
    background.run('connecting the IPFS sides', (signal) => connectSwarms(core, members, { signal }))
  }
  const onStatus = ({ detail: status }: CustomEvent<TrackedPin>): void => {
    events.emit({ type: 'status', status })
  }

  const end = async ({ signal }: AbortOptions): Promise<void> => {
    readiness.reject(new ClusterError('STOPPED', 'cluster is shutdown'))
    members.close()
    acquaintance.stop()
    ipfs.removeEventListener('swarms:due', onSwarmsDue)
    tracker.removeEventListener('status', onStatus)
    forgetPresence()
    await unlessAborted(background.stop(), signal).catch(() => {
      log.warn('background work did not end in time')
    })
    if (!isReady) return
    const complain =
      (text: string) =>
      (error: unknown): void => {
        log.error(text, { error })
      }
    await network.savePeerstore().catch(complain('the addresses of peers were not saved'))
    if (!config.leaveOnShutdown || removed) return
    removed = true
    log.warn('attempting to leave the cluster. This may take some seconds')
    await consensus.rmPeer(self, abortable(signal)).catch(complain('the peer did not leave the consensus'))
  }

  return {
    start() {
      if (config.leaveOnShutdown && consensus.traits.membership === 'metrics') {
        log.warn('leave_on_shutdown is set: this peer forgets the pinset when it stops')
      }
      ipfs.addEventListener('swarms:due', onSwarmsDue)
      tracker.addEventListener('status', onStatus)
      forgetPresence = watchPresence(core, members, events)
      acquaintance.start()
      background.run('feeding the tracker', (signal) =>
        feedPinset(
          core,
          (change) => {
            events.emit({ type: 'pinset', change })
          },
          signal
        )
      )
      background.run('starting', live)
    },
    async stop(options) {
      stopping ??= end(options)
      await stopping
    },
    ready: async ({ signal }) => {
      await unlessAborted(readiness.promise, signal)
    },
    get removed() {
      return removed
    }
  }
}
