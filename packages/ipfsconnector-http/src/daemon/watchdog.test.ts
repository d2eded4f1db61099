import { ManualClock } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { Watchdog } from './watchdog.ts'

function setUp(limitMs = 1000) {
  const clock = new ManualClock()
  const outer = new AbortController()
  const watchdog = new Watchdog({ clock, limitMs, message: 'too slow', signal: outer.signal })
  return { clock, outer, watchdog, signal: watchdog.signal }
}

describe('Watchdog', () => {
  it('aborts after the limit, not before', async () => {
    const { clock, signal } = setUp()
    await clock.advance(999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.reason).toMatchObject({ code: 'TIMEOUT', message: 'too slow' })
    expect(clock.pending).toBe(0)
  })

  it('aborts also when the clock was set back by hours', async () => {
    const { clock, watchdog, signal } = setUp()
    await clock.advance(900)
    watchdog.progress()
    clock.set(-5 * 3_600_000)
    await clock.advance(2_100)
    expect(signal.aborted).toBe(true)
  })

  it('begins again with each progress', async () => {
    const { clock, watchdog, signal } = setUp()
    for (let n = 0; n < 5; n++) {
      await clock.advance(900)
      watchdog.progress()
    }
    await clock.advance(999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.aborted).toBe(true)
  })

  it('stands still while paused, and begins again afterwards', async () => {
    const { clock, watchdog, signal } = setUp()
    watchdog.pause()
    await clock.advance(10_000)
    watchdog.resume()
    await clock.advance(999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.aborted).toBe(true)
  })

  it('passes the abort of others on', () => {
    const { outer, watchdog, signal, clock } = setUp()
    outer.abort(new Error('enough'))
    expect(signal.reason).toEqual(new Error('enough'))
    watchdog.close()
    expect(clock.pending).toBe(0)
  })

  it('has no limit at 0, and no timer once closed', async () => {
    const { clock, signal } = setUp(0)
    expect(clock.pending).toBe(0)
    const closed = setUp()
    closed.watchdog.close()
    await closed.clock.advance(5000)
    expect([signal.aborted, closed.signal.aborted]).toEqual([false, false])
  })
})
