import type { Informer } from '@cluster/api'
import { timestampFromMs } from '@cluster/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ManualClock } from './manual-clock.ts'

/** An informer whose source of data works, and the clock it was given. */
export interface InformerUnderTest {
  readonly informer: Informer
  readonly clock: ManualClock
}

/**
 * What every {@link Informer} must do. Call it at the top of a test file.
 *
 * @param create - gives a new informer, not started, on each call
 */
export function informerConformance(name: string, create: () => InformerUnderTest): void {
  describe(`${name} as Informer`, () => {
    let informer: Informer
    let clock: ManualClock

    beforeEach(async () => {
      ;({ informer, clock } = create())
      await informer.beforeStart?.({})
      await informer.start?.({})
    })
    afterEach(async () => {
      await informer.stop?.({})
      expect(clock.pending).toBe(0)
    })

    it('has a name, and gives valid metrics that live a while', async () => {
      expect(informer.name).not.toBe('')
      const metrics = await informer.getMetrics({})
      expect(metrics).not.toEqual([])
      for (const metric of metrics) {
        expect(metric.name).not.toBe('')
        expect(metric.valid).toBe(true)
        expect(metric.expire).toBeGreaterThan(timestampFromMs(clock.nowMs()))
        expect(metric.receivedAt).toBe(0n)
      }
    })

    it('tells of one peer, and gives each metric once, under the same names each time', async () => {
      const first = await informer.getMetrics({})
      const names = first.map(({ name: metric }) => metric)
      expect(new Set(names).size).toBe(names.length)
      expect(new Set(first.map(({ peer }) => peer.toString())).size).toBe(1)
      const [second, third] = await Promise.all([informer.getMetrics({}), informer.getMetrics({})])
      for (const metrics of [second, third]) expect(metrics.map((metric) => metric.name)).toEqual(names)
    })

    it('renews the expiry each time', async () => {
      const [before] = await informer.getMetrics({})
      await clock.advance(1000)
      const [after] = await informer.getMetrics({})
      expect((after?.expire ?? 0n) - (before?.expire ?? 0n)).toBe(1_000_000_000n)
    })

    it('has no valid metric once it is stopped, and stops twice', async () => {
      await informer.stop?.({})
      await informer.stop?.({})
      for (const metric of await informer.getMetrics({})) expect(metric.valid).toBe(false)
    })

    it('breaks off on an aborted signal', async () => {
      await expect(informer.getMetrics({ signal: AbortSignal.abort() })).rejects.toThrow()
    })
  })
}
