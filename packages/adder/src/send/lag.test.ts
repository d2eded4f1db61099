import { describe, expect, it } from 'vitest'
import { Lag } from './lag.ts'

describe('Lag', () => {
  const peer = {}

  it('lets a peer hold up others for a while at the start', () => {
    expect(new Lag(15_000, 1000).dueMs(peer, 1000)).toBe(16_000)
  })

  it('counts what it has held up them before', () => {
    const lag = new Lag(15_000, 0)
    lag.add(peer, 10_000)
    expect(lag.dueMs(peer, 12_000)).toBe(17_000)
    expect(lag.dueMs({}, 12_000)).toBe(27_000)
  })

  it('lets it take half of the time of a long add', () => {
    const lag = new Lag(15_000, 0)
    lag.add(peer, 40_000)
    // At 120 s it has held them up for 60 s.
    expect(lag.dueMs(peer, 100_000)).toBe(120_000)
  })
})
