import { timestampFromMs, type Informer, type Metric } from '@cluster/api'
import { FixedInformer, MemoryIpfs, MemoryMetrics, testContext, testPeerId, type MemoryMonitor } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { createHeartbeat, REPUBLISH_INTERVAL_MS, type Heartbeat } from './heartbeat.ts'

const INTERVAL_MS = 15_000
const running: { readonly stop: () => Promise<void> }[] = []
const bench = (
  informers?: readonly Informer[]
): {
  readonly context: ReturnType<typeof testContext>
  readonly monitor: MemoryMonitor
  readonly ipfs: MemoryIpfs
  readonly published: (readonly [atMs: number, name: string, value: string])[]
  readonly heartbeat: Heartbeat
  readonly run: () => void
} => {
  const context = testContext()
  const { clock, self } = context
  const monitor = new MemoryMetrics(clock).join(self)
  const ipfs = new MemoryIpfs(testPeerId(100), [multiaddr('/ip4/10.0.0.1/tcp/4001')])
  const startMs = clock.nowMs()
  const published: (readonly [number, string, string])[] = []
  monitor.addEventListener('metric', ({ detail: { name, value } }) => {
    published.push([clock.nowMs() - startMs, name, value])
  })
  const disk = new FixedInformer('freespace', 7n, self, clock)
  const heartbeat = createHeartbeat(
    { ...context, monitor, ipfs, informers: informers ?? [disk] },
    { get: () => 'active', ownIpfs: () => undefined },
    { monitorPingIntervalMs: INTERVAL_MS }
  )
  const run = (): void => {
    const end = new AbortController()
    const ended = heartbeat.run(end.signal)
    running.push({
      stop: async () => {
        end.abort()
        await ended
        expect(clock.pending).toBe(0)
      }
    })
  }
  return { context, monitor, ipfs, published, heartbeat, run }
}
const times = (published: readonly (readonly [number, string, string])[], wanted: string): number[] =>
  published.filter(([, name]) => name === wanted).map(([atMs]) => atMs)

afterEach(async () => {
  for (const { stop } of running.splice(0)) await stop()
})

describe('heartbeat', () => {
  it('pings at once and then at each interval, valid for two', async () => {
    const { context, monitor, published, run } = bench()
    run()
    await context.clock.advance(2 * INTERVAL_MS)
    expect(times(published, 'ping')).toEqual([0, INTERVAL_MS, 2 * INTERVAL_MS])
    const [ping] = monitor.latestMetrics('ping')
    expect(ping?.expire).toBe(timestampFromMs(context.clock.nowMs() + 2 * INTERVAL_MS))
    expect(ping?.value).toBe(
      `{"peer_name":"test","ipfs_id":"${testPeerId(100).toString()}","ipfs_addresses":["/ip4/10.0.0.1/tcp/4001"]}`
    )
  })

  it('goes on when the clock is set back by hours', async () => {
    const { context, monitor, published, run } = bench()
    run()
    await context.clock.advance(INTERVAL_MS)
    context.clock.set(-5 * 3_600_000)
    const before = times(published, 'ping').length
    await context.clock.advance(4 * INTERVAL_MS)
    expect(times(published, 'ping').length - before).toBe(4)
    // who begins to listen is told as soon as ever
    monitor.safeDispatchEvent('subscriber')
    await context.clock.advance(REPUBLISH_INTERVAL_MS)
    expect(times(published, 'ping').length - before).toBe(5)
  })

  it('publishes what informers measure at half of its life', async () => {
    const { context, published, run } = bench()
    run()
    await context.clock.advance(31_000)
    expect(times(published, 'freespace')).toEqual([0, 15_000, 30_000])
  })

  it('skips what is invalid, and comes back after a failure in half the time', async () => {
    const bad: Metric = {
      name: 'full',
      peer: testPeerId(9),
      value: '0',
      weight: 0n,
      valid: false,
      expire: 2_000_000_000_000_000_000n,
      partitionable: false,
      receivedAt: 0n
    }
    let calls = 0
    const full: Informer = { name: 'full', getMetrics: () => Promise.resolve([bad]) }
    const broken: Informer = {
      name: 'broken',
      getMetrics: () => {
        calls += 1
        return Promise.reject(new Error('no'))
      }
    }
    const { context, published, heartbeat, run } = bench([full, broken])
    run()
    await context.clock.advance(15_000)
    expect(times(published, 'full')).toEqual([])
    expect(calls).toBe(3)
    await expect(heartbeat.publishInformers({})).rejects.toThrow('no')
  })

  it('NX-10: goes on pinging with what a hung IPFS side said last', async () => {
    const { context, ipfs, published, monitor, run } = bench()
    run()
    await context.clock.advance(1)
    ipfs.state = 'hung'
    for (let count = 0; count < 20; count += 1) {
      await context.clock.advance(INTERVAL_MS)
      expect(monitor.latestMetrics('ping')).toHaveLength(1)
    }
    expect(new Set(published.filter(([, name]) => name === 'ping').map(([, , value]) => value)).size).toBe(1)
    ipfs.state = 'down'
    await context.clock.advance(INTERVAL_MS)
    expect(monitor.latestMetrics('ping')[0]?.value).toContain('ipfs_id')
  })

  it('publishes again for who begins to listen, at most every two seconds', async () => {
    const { context, monitor, published, run } = bench()
    run()
    await context.clock.advance(5_000)
    for (let count = 0; count < 30; count += 1) {
      monitor.safeDispatchEvent('subscriber', { detail: testPeerId(count) })
      await context.clock.advance(100)
    }
    const again = times(published, 'ping').filter((atMs) => atMs > 0 && atMs < INTERVAL_MS)
    expect(again).toEqual([5_000, 5_000 + REPUBLISH_INTERVAL_MS])
    expect(times(published, 'freespace').filter((atMs) => atMs > 0 && atMs < INTERVAL_MS)).toEqual(again)
  })

  it('publishes metrics again when the IPFS side asks for it', async () => {
    const { context, ipfs, published, run } = bench()
    run()
    await context.clock.advance(1_000)
    ipfs.safeDispatchEvent('informers:due')
    await context.clock.advance(1_000)
    expect(times(published, 'freespace')).toEqual([0, 1_000])
    expect(times(published, 'ping')).toEqual([0])
  })
})
