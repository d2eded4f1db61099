import type { AbortOptions, PeerId } from '@libp2p/interface'
import {
  formatTimestamp,
  isMetricDiscarded,
  isPinExpired,
  itemsOf,
  timestampFromMs,
  toClusterError,
  type Alert,
  type Metric,
  type Pin
} from '@cluster/api'
import { forEachAtOnce } from './at-once.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { closestAmong } from './distance.ts'
import type { Events } from './events.ts'
import type { MemberList } from './members.ts'
import { PING } from './ping-value.ts'
import type { Pinning } from './pinning.ts'
import { createRateLimit } from './rate-limit.ts'
import type { Roles } from './roles.ts'
import { isAborted, unlessAborted, waitUntil } from './wait.ts'

/** Alerts that are remembered; one more and the list starts anew. */
const MAX_ALERTS = 1_000
/** Alerts that wait to be acted upon. Beyond it they are only listed: the monitor repeats those that last. */
const MAX_WAITING_ALERTS = 256
/** Pins that are changed at the same time, so that the consensus can commit them together. */
const PINS_AT_ONCE = 32

/** Keeps the pinset in shape when peers are lost and time passes. */
export interface Repair {
  /** Most recent first. */
  alerts(): readonly Alert[]
  /** Takes out the expired pins that are ours to take out. */
  syncState(options: AbortOptions): Promise<void>
  /** Gives all pins of a peer other holders, and takes it out of the consensus. */
  removePeer(peer: PeerId, options: AbortOptions): Promise<void>
  /** Acts upon alerts until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
}

type Needs = Pick<CoreCollaborators, 'self' | 'consensus' | 'monitor' | 'clock' | 'log'>

/**
 * @see behaviours.md §1.7, §1.8, §1.13
 */
export function createRepair(
  core: Needs,
  { roles, members, pinning, events }: { roles: Roles; members: MemberList; pinning: Pinning; events: Events },
  config: Pick<ClusterConfig, 'disableRepinning' | 'repair'>
): Repair {
  const { self, consensus, monitor, clock, log } = core
  const { gracePeriodMs: graceMs, pinsPerMinute } = config.repair
  const limit = createRateLimit(clock, pinsPerMinute)
  let alerts: Alert[] = []

  /** Whether a pin is ours to act on, among the peers that trust lets act. */
  const responsibility = async (
    excluded: PeerId | undefined,
    options: AbortOptions
  ): Promise<(pin: Pin) => boolean> => {
    const peers = await members.list(options)
    const others = peers.filter((peer) => consensus.isTrusted(peer) && excluded?.equals(peer) !== true)
    const isClosest = closestAmong(self, others)
    return ({ cid }) => isClosest(cid)
  }

  const repinFrom = async (lost: PeerId, isOurs: (pin: Pin) => boolean, options: AbortOptions): Promise<number> => {
    const isHolder = (pin: Pin): boolean => (pin.allocations ?? []).some((holder) => holder.equals(lost))
    const pins = filtered(itemsOf(consensus.pinset.list(options)), (pin) => isHolder(pin) && isOurs(pin))
    let failures = 0
    await forEachAtOnce(pins, PINS_AT_ONCE, async (pin) => {
      try {
        if (options.signal !== undefined) await limit.turn(options.signal)
        await pinning.repinWithout(lost, pin, options)
        log.info('a pin was given other holders', { cid: pin.cid.toString(), lost: lost.toString() })
      } catch (error) {
        options.signal?.throwIfAborted()
        failures += 1
        log.error('a pin keeps a lost holder', { cid: pin.cid.toString(), lost: lost.toString(), error })
      }
    })
    return failures
  }

  const record = (alert: Alert): void => {
    log.warn(`metric alert for ${alert.name}: Peer: ${alert.peer.toString()}.`)
    if (alerts.length > MAX_ALERTS) alerts = []
    alerts.push(alert)
    events.emit({ type: 'alert', alert })
  }

  return {
    alerts: () => alerts.toReversed(),

    async syncState(options) {
      if (roles.follower) return
      const isOurs = await responsibility(undefined, options)
      const now = timestampFromMs(clock.nowMs())
      const pins = filtered(itemsOf(consensus.pinset.list(options)), (pin) => isPinExpired(pin, now) && isOurs(pin))
      await forEachAtOnce(pins, PINS_AT_ONCE, async ({ cid, expireAt }) => {
        log.info(`Unpinning ${cid.toString()}: pin expired at ${formatTimestamp(expireAt)}`)
        try {
          await pinning.unpin(cid, options)
          events.emit({ type: 'expired', cid })
        } catch (error) {
          options.signal?.throwIfAborted()
          log.error('an expired pin could not be removed', { cid: cid.toString(), error })
        }
      })
    },

    async removePeer(peer, options) {
      if (config.disableRepinning) log.warn('repinning is disabled: the pins of the peer stay allocated to it')
      else {
        const failures = await repinFrom(peer, () => true, options)
        if (failures > 0) log.warn(`${failures} pins stay allocated to a peer that is removed: drain it, or repair`)
      }
      await consensus.rmPeer(peer, options)
    },

    async run(signal) {
      const waiting = new Map<string, { readonly peer: PeerId; readonly dueMs: number }>()
      let woken = new AbortController()
      const onAlert = ({ detail: alert }: CustomEvent<Alert>): void => {
        if (roles.follower || !members.counts(alert.peer)) return
        record(alert)
        const key = alert.peer.toString()
        if (alert.name !== PING || config.disableRepinning || waiting.size >= MAX_WAITING_ALERTS) return
        if (!waiting.has(key)) waiting.set(key, { peer: alert.peer, dueMs: clock.nowMs() + graceMs })
        woken.abort()
      }
      const onMetric = ({ detail: metric }: CustomEvent<Metric>): void => {
        if (metric.name !== PING || isMetricDiscarded(metric, timestampFromMs(clock.nowMs()))) return
        if (waiting.delete(metric.peer.toString())) {
          log.info('a lost peer has returned: its pins stay where they are', { peer: metric.peer.toString() })
        }
      }
      monitor.addEventListener('alert', onAlert)
      monitor.addEventListener('metric', onMetric)
      try {
        while (!signal.aborted) {
          const [next] = [...waiting.values()].sort((x, y) => x.dueMs - y.dueMs)
          const wake = AbortSignal.any([signal, woken.signal])
          const isDue =
            next === undefined
              ? await untilAborted(wake)
              : // no later than this, also when our clock was set back
                await waitUntil(clock, Math.min(next.dueMs, clock.nowMs() + graceMs), wake)
          woken = new AbortController()
          if (!isDue || next === undefined || !waiting.delete(next.peer.toString())) continue
          try {
            await repinFrom(next.peer, await responsibility(next.peer, { signal }), { signal })
          } catch (error) {
            if (!isAborted(signal))
              log.error('the pins of a lost peer stay as they are', { error: toClusterError(error) })
          }
        }
      } finally {
        monitor.removeEventListener('alert', onAlert)
        monitor.removeEventListener('metric', onMetric)
      }
    }
  }
}

/** Resolves when there is something new; that is never a time that was waited for. */
async function untilAborted(signal: AbortSignal): Promise<false> {
  await unlessAborted(new Promise<never>(() => undefined), signal).catch(() => undefined)
  return false
}

async function* filtered<T>(items: AsyncIterable<T>, isWanted: (item: T) => boolean): AsyncGenerator<T, void> {
  for await (const item of items) if (isWanted(item)) yield item
}
