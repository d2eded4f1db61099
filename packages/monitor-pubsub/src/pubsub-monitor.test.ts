import { timestampFromMs, type Metric } from '@cluster/api'
import { memoryCounters, MemoryGossip, peerMonitorConformance, settle, testContext, testPeerId } from '@cluster/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeMetricMessage } from './metric-message.ts'
import { MAX_MESSAGE_BYTES, METRICS_TOPIC, PubsubMonitor } from './pubsub-monitor.ts'

peerMonitorConformance('pubsubmon', (context) => new PubsubMonitor(context, { checkIntervalMs: 1000 }), 1000)

describe('PubsubMonitor', () => {
  const [a, b] = [testPeerId(1), testPeerId(2)]
  let metrics: ReturnType<typeof memoryCounters>
  let context: ReturnType<typeof testContext>
  let gossip: MemoryGossip
  let monitor: PubsubMonitor
  let send: (data: Uint8Array) => Promise<void>

  beforeEach(() => {
    metrics = memoryCounters()
    context = testContext({ metrics })
    gossip = new MemoryGossip()
    monitor = new PubsubMonitor({ ...context, network: gossip.join(a) }, { checkIntervalMs: 1000 })
    monitor.start({})
    const topic = gossip.join(b).subscribe(METRICS_TOPIC)
    send = async (data) => {
      await topic.publish(data)
      await settle()
    }
  })
  afterEach(() => monitor.stop())

  const metric = (value: string, over: Partial<Metric> = {}): Metric => {
    const expire = timestampFromMs(context.clock.nowMs() + 150)
    return { name: 'm', peer: b, value, expire, valid: true, weight: 0n, partitionable: false, receivedAt: 0n, ...over }
  }
  const texts = (): string[] => context.lines.map(({ level, text }) => `${level} ${text}`)

  it('MO-2: with a writer every 75 ms and a lifetime of 150 ms there is always one, and it never goes back', async () => {
    let last = -1
    for (let i = 0; i < 20; i++) {
      await send(encodeMetricMessage(metric(String(i))))
      for (const ms of [0, 74]) {
        await context.clock.advance(ms)
        const [only, ...others] = monitor.latestMetrics('m').map(({ value }) => Number(value))
        expect(others).toEqual([])
        expect(only).toBeGreaterThanOrEqual(last)
        last = only ?? Infinity
      }
      await context.clock.advance(1)
    }
  })

  it('MO-7: alerts once within a second of the expiry', async () => {
    const alerts: bigint[] = []
    monitor.addEventListener('alert', ({ detail }) => alerts.push(detail.triggeredAt ?? 0n))
    await send(encodeMetricMessage(metric('v')))
    await context.clock.advance(1150)
    const triggeredAt = timestampFromMs(context.clock.nowMs() - 150)
    expect(alerts).toEqual([triggeredAt])
    await context.clock.advance(10_000)
    expect(alerts).toHaveLength(1)
  })

  it('drops a metric of another peer than the one that signed it', async () => {
    await send(encodeMetricMessage(metric('forged', { peer: a })))
    expect(monitor.metricNames()).toEqual([])
    await context.clock.advance(1000)
    expect(texts()).toEqual(['warn metrics not used: of another peer'])
  })

  it('drops rubbish and giants, counts them, and logs them once per check', async () => {
    for (let i = 0; i < 5; i++) await send(Uint8Array.of(0xc1, i))
    await send(new Uint8Array())
    await send(encodeMetricMessage(metric('x'.repeat(MAX_MESSAGE_BYTES))))
    expect(monitor.metricNames()).toEqual([])
    expect(texts()).toEqual([])
    await context.clock.advance(3000)
    expect(texts()).toEqual(['warn metrics not used: not a metric', 'warn metrics not used: too large'])
    expect(context.lines[0]?.fields).toEqual({ count: 6, from: b.toString() })
    expect(await metrics.read()).toEqual({
      'ipfscluster_monitor_refused_metrics{not a metric}': 6,
      'ipfscluster_monitor_refused_metrics{too large}': 1,
      'ipfscluster_limits_reached{monitor_metrics}': 1
    })
  })

  it('takes the form of peers up to 0.13.3, with one warning, and ignores bytes behind a metric', async () => {
    const prefixed = (value: string): Uint8Array =>
      Buffer.concat([Buffer.from('\t/msgpack\n'), encodeMetricMessage(metric(value))])
    await send(prefixed('first'))
    await send(prefixed('second'))
    expect(monitor.latestForPeer('m', b)?.value).toBe('second')
    await send(Buffer.concat([encodeMetricMessage(metric('third')), Buffer.of(1, 2, 3)]))
    expect(monitor.latestForPeer('m', b)?.value).toBe('third')
    expect(texts()).toEqual(['warn Peers in versions <= v0.13.3 detected: upgrade them'])
  })

  it('stores a metric that is expired on arrival, and says that clocks may differ', async () => {
    await send(encodeMetricMessage(metric('late', { expire: timestampFromMs(context.clock.nowMs() - 1) })))
    expect(monitor.latestForPeer('m', b)?.value).toBe('late')
    expect(monitor.latestMetrics('m')).toEqual([])
    await monitor.stop()
    expect(texts()).toEqual(['warn metrics not used: expired on arrival (clocks differ?)'])
  })

  it('uses a metric of a peer whose clock is hours ahead, and says that clocks may differ', async () => {
    const inHours = timestampFromMs(context.clock.nowMs() + 6 * 3_600_000)
    await send(encodeMetricMessage(metric('early', { expire: inHours })))
    expect(monitor.latestMetrics('m').map(({ value }) => value)).toEqual(['early'])
    await context.clock.advance(1000)
    expect(await metrics.read()).toEqual({})
    expect(texts()).toEqual(['info metrics valid for more than an hour (clocks differ?)'])
  })

  it('survives times that are none, and weights of any size', async () => {
    const extreme = [-(2n ** 63n), 2n ** 63n - 1n]
    for (const number of extreme) {
      await send(encodeMetricMessage(metric(number.toString(), { expire: number, weight: number })))
    }
    expect(monitor.latestMetrics('m').map(({ value }) => value)).toEqual([extreme.at(-1)?.toString()])
    await context.clock.advance(5000)
  })

  it('warns of metrics that it does not publish', async () => {
    await monitor.publishMetric(metric('v', { peer: a, valid: false }), {})
    expect(texts()).toEqual(['warn discarding invalid metric'])
  })

  it('cannot publish before it started, nor start after it stopped', async () => {
    const fresh = new PubsubMonitor({ ...context, network: gossip.join(a) }, { checkIntervalMs: 1000 })
    await expect(fresh.publishMetric(metric('v'), {})).rejects.toThrow(expect.objectContaining({ code: 'NOT_READY' }))
    await fresh.stop()
    expect(() => {
      fresh.start({})
    }).toThrow(expect.objectContaining({ code: 'STOPPED' }))
  })

  it('asks for an orderly stop of the peer when the network leaves it deaf', async () => {
    const network = {
      subscribe: (name: string) => {
        const topic = gossip.join(a).subscribe(name)
        queueMicrotask(() => {
          topic.unsubscribe()
        })
        return topic
      }
    }
    const deaf = new PubsubMonitor({ ...context, network }, { checkIntervalMs: 1000 })
    deaf.start({})
    await settle()
    expect(context.fatals.map(({ message }) => message)).toEqual(['the topic of metrics ended'])
    await deaf.stop()
  })
})
