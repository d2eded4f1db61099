import { timestampFromMs, timestampToMs, type Metric, type Network, type PeerMonitor } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settle, type ManualClock } from './manual-clock.ts'
import { MemoryGossip } from './memory-gossip.ts'
import { testContext, type TestContext } from './test-context.ts'
import { testPeerId } from './test-peer-id.ts'

/** What a monitor under test is created with. */
export type PeerMonitorTestContext = TestContext & { readonly network: Pick<Network, 'subscribe'> }

/**
 * What every {@link PeerMonitor} must do. Call it at the top of a test file.
 *
 * @param create - gives a new monitor, not started, on each call
 * @param checkIntervalMs - how often these monitors look for expired metrics
 */
export function peerMonitorConformance(
  name: string,
  create: (context: PeerMonitorTestContext) => PeerMonitor,
  checkIntervalMs: number
): void {
  describe(`${name} as PeerMonitor`, () => {
    const [a, b, c] = [testPeerId(1), testPeerId(2), testPeerId(3)]
    let context: TestContext
    let clock: ManualClock
    let gossip: MemoryGossip
    let monitors: PeerMonitor[]
    let monitor: PeerMonitor

    async function join(self: PeerId): Promise<PeerMonitor> {
      const joined = create({ ...testContext({ clock, self }), network: gossip.join(self) })
      await joined.beforeStart?.({})
      await joined.start?.({})
      monitors.push(joined)
      return joined
    }
    const metric = (peer: PeerId, value: string, ttlMs = 1000, over: Partial<Metric> = {}): Metric => {
      const expire = timestampFromMs(clock.nowMs() + ttlMs)
      return { name: 'm', peer, value, expire, valid: true, weight: 0n, partitionable: false, receivedAt: 0n, ...over }
    }
    const values = (of: PeerMonitor, metricName = 'm'): string[] =>
      of.latestMetrics(metricName).map(({ value }) => value)

    beforeEach(async () => {
      context = testContext()
      clock = context.clock
      gossip = new MemoryGossip()
      monitors = []
      monitor = await join(a)
    })
    afterEach(async () => {
      for (const each of monitors) await each.stop?.({})
      expect(clock.pending).toBe(0)
    })

    it('MO-3: keeps the last metric of each peer, by the bytes of the peer ID', () => {
      for (const peer of [c, a, b]) {
        monitor.logMetric(metric(peer, 'old'))
        monitor.logMetric(metric(peer, peer.toString()))
      }
      const bytes = (peer: PeerId): Uint8Array => peer.toMultihash().bytes
      const sorted = [a, b, c].sort((x, y) => Buffer.compare(bytes(x), bytes(y)))
      expect(values(monitor)).toEqual(sorted.map(String))
      expect(monitor.metricNames()).toEqual(['m'])
      expect(monitor.latestMetrics('unknown')).toEqual([])
    })

    it('leaves out metrics that are invalid or expired, but knows them as the latest of their peer', async () => {
      monitor.logMetric(metric(a, 'expires'))
      monitor.logMetric(metric(b, 'valid before'))
      monitor.logMetric(metric(b, 'invalid', 1000, { valid: false }))
      expect(values(monitor)).toEqual(['expires'])
      await clock.advance(1001)
      expect(values(monitor)).toEqual([])
      expect(monitor.latestForPeer('m', a)?.value).toBe('expires')
      expect(monitor.latestForPeer('m', b)?.value).toBe('invalid')
      expect(monitor.latestForPeer('m', c)).toBeUndefined()
      expect(monitor.latestForPeer('unknown', a)).toBeUndefined()
    })

    it('stamps metrics with the time of their arrival', async () => {
      await clock.advance(5)
      monitor.logMetric(metric(a, 'v'))
      const { receivedAt } = monitor.latestForPeer('m', a) ?? {}
      expect(timestampToMs(receivedAt ?? 0n)).toBe(clock.nowMs())
    })

    it('MO-4: publishes to the other monitors and to itself; a metric only logged stays here', async () => {
      const other = await join(b)
      const wanted = metric(a, 'hello', 60_000, { weight: -7n, partitionable: true })
      await monitor.publishMetric(wanted, {})
      monitor.logMetric(metric(a, 'local', 60_000, { name: 'n' }))
      await settle()
      const receivedAt = timestampFromMs(clock.nowMs())
      for (const each of [monitor, other]) expect(each.latestMetrics('m')).toEqual([{ ...wanted, receivedAt }])
      expect(values(other, 'n')).toEqual([])
    })

    it('does not publish metrics that are invalid or expired', async () => {
      const other = await join(b)
      await monitor.publishMetric(metric(a, 'invalid', 1000, { valid: false }), {})
      await monitor.publishMetric(metric(a, 'expired', -1), {})
      await settle()
      expect(other.metricNames()).toEqual([])
    })

    it('MO-5, MO-6: alerts once for each metric that is not renewed, and again after it was', async () => {
      const alerts: string[] = []
      monitor.addEventListener('alert', ({ detail }) => alerts.push(`${detail.name} ${String(detail.peer)}`))
      monitor.logMetric(metric(b, 'v', 50))
      monitor.logMetric(metric(c, 'v', 10 * checkIntervalMs))
      await clock.advance(40)
      expect(alerts).toEqual([])
      await clock.advance(3 * checkIntervalMs)
      expect(alerts).toEqual([`m ${String(b)}`])
      monitor.logMetric(metric(b, 'v', 50))
      await clock.advance(3 * checkIntervalMs)
      expect(alerts).toEqual([`m ${String(b)}`, `m ${String(b)}`])
    })

    it('MO-6: tells of each name and peer by itself, with what was last known, and not of what was never valid', async () => {
      const alerts: string[] = []
      monitor.addEventListener('alert', ({ detail: { name: of, peer, value, triggeredAt } }) => {
        expect(timestampToMs(triggeredAt ?? 0n)).toBe(clock.nowMs())
        alerts.push(`${of} ${String(peer)} ${value}`)
      })
      monitor.logMetric(metric(b, 'older', 50))
      monitor.logMetric(metric(b, 'newer', 60))
      monitor.logMetric(metric(b, 'v', 50, { name: 'n' }))
      monitor.logMetric(metric(c, 'v', 50))
      monitor.logMetric(metric(c, 'invalid', 50, { name: 'n', valid: false }))
      await clock.advance(2 * checkIntervalMs)
      expect(alerts.sort()).toEqual([`m ${String(b)} newer`, `m ${String(c)} v`, `n ${String(b)} v`].sort())
      monitor.logMetric(metric(b, 'expired when it came', -1))
      await clock.advance(2 * checkIntervalMs)
      expect(alerts).toHaveLength(3)
    })

    it('takes the metric that came last, whatever the clock of its peer says', () => {
      const hours = 6 * 3_600_000
      monitor.logMetric(metric(b, 'from a clock that is ahead', hours))
      monitor.logMetric(metric(b, 'after it was set right', 1000))
      monitor.logMetric(metric(c, 'right', 1000))
      monitor.logMetric(metric(c, 'from a clock that is behind', -hours))
      expect(values(monitor)).toEqual(['after it was set right'])
      expect(monitor.latestForPeer('m', c)?.value).toBe('from a clock that is behind')
    })

    it('has no place for a metric without a name', () => {
      monitor.logMetric(metric(b, 'v', 1000, { name: '' }))
      expect(monitor.metricNames()).toEqual([])
    })

    it('says when a metric arrived, and when a peer began to listen', async () => {
      const seen: string[] = []
      monitor.addEventListener('metric', ({ detail }) => seen.push(detail.value))
      monitor.addEventListener('subscriber', ({ detail }) => seen.push(detail.toString()))
      const other = await join(b)
      await settle()
      expect(seen).toEqual([b.toString()])
      await other.publishMetric(metric(b, 'hello'), {})
      await settle()
      expect(seen).toEqual([b.toString(), 'hello'])
    })

    it('MO-1: stops twice, hears nothing afterwards, and refuses to publish', async () => {
      const other = await join(b)
      await monitor.stop?.({})
      await monitor.stop?.({})
      await other.publishMetric(metric(b, 'late'), {})
      await settle()
      expect(monitor.metricNames()).toEqual([])
      await expect(monitor.publishMetric(metric(a, 'v'), {})).rejects.toThrow(
        expect.objectContaining({ code: 'STOPPED' })
      )
    })

    it('stops without having been started', async () => {
      const idle = create({ ...testContext({ clock }), network: gossip.join(c) })
      await idle.stop?.({})
      await idle.stop?.({})
    })
  })
}
