/** The scenarios of boxo's DONT_HAVE timeouts, each under the name that it has there. @see bitswap.md §5.3 */
import { describe, expect, it } from 'vitest'
import { Bench, cid } from './client-bench.fixture.ts'
import { defaultDontHaveTimeout, DontHaveTimeout } from './dont-have-timeout.ts'

/** A session with one member that stays silent; others are told of what it did not answer. */
function silent(): Bench {
  const bench = new Bench()
  bench.connect('a', 'b')
  bench.client.addMember(bench.session, 'a', 0)
  return bench
}

describe('donthavetimeoutmgr', () => {
  it('Timeout: the wants of the first message, then those of the second', () => {
    const bench = silent()
    bench.want(cid(1), cid(2))
    bench.told('a')
    bench.pass(2000)
    bench.want(cid(3))
    bench.told('a')
    bench.pass(3000)
    expect(bench.told('b')).toEqual(['have 1', 'have 2'])
    bench.pass(2000)
    expect(bench.told('b')).toEqual(['have 3'])
  })

  it('Cancel: what was taken back does not time out', () => {
    const bench = silent()
    bench.want(cid(1), cid(2))
    bench.told('a')
    bench.client.unwant(bench.session, cid(1).key, bench.nowMs)
    bench.pass(5000)
    expect(bench.told('b')).toEqual(['have 2'])
  })

  it('WantCancelWant: what is wanted again counts from then', () => {
    const bench = silent()
    bench.want(cid(1))
    bench.told('a')
    bench.pass(3000)
    bench.client.unwant(bench.session, cid(1).key, bench.nowMs)
    bench.want(cid(1))
    bench.told('a')
    bench.pass(4900)
    expect(bench.told('b')).toEqual([])
    bench.pass(100)
    expect(bench.told('b')).toEqual(['have 1'])
  })

  it('RepeatedAddPending: what is wanted twice counts from the first time', () => {
    const bench = silent()
    bench.want(cid(1))
    bench.told('a')
    bench.pass(3000)
    bench.want(cid(1))
    bench.told('a')
    bench.pass(2000)
    expect(bench.told('b')).toEqual(['have 1'])
  })

  it('MessageLatency: quick answers shorten what is being waited for', () => {
    const timeout = new DontHaveTimeout(defaultDontHaveTimeout)
    expect(timeout.expired(0, 400)).toBe(false)
    timeout.sample(200)
    expect(timeout.timeoutMs).toBe(400)
    expect(timeout.expired(0, 400)).toBe(true)
    timeout.sample(1)
    timeout.sample(1)
    expect(timeout.timeoutMs).toBe(250)
  })

  it('MessageLatencyMax: but no answer is so slow that more than the maximum is waited for', () => {
    const timeout = new DontHaveTimeout(defaultDontHaveTimeout)
    timeout.sample(1_000_000)
    expect(timeout.timeoutMs).toBe(7000)
  })

  it('UsesDefaultTimeoutIfLatencyLonger: without an answer the first value holds', () => {
    const timeout = new DontHaveTimeout(defaultDontHaveTimeout)
    expect([timeout.timeoutMs, timeout.expired(0, 4999), timeout.expired(0, 5000)]).toEqual([5000, false, true])
  })

  it('waits longer for a peer from which bytes come, but not for ever', () => {
    const timeout = new DontHaveTimeout(defaultDontHaveTimeout)
    timeout.active(4000)
    expect([timeout.expired(0, 5000), timeout.expired(0, 6500)]).toEqual([false, true])
    timeout.active(28_000)
    expect(timeout.expired(0, 28_000)).toBe(true)
  })
})
