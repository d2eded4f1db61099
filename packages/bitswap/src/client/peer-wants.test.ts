/** The scenarios of boxo's want lists and message queues, each under the name that it has there. @see bitswap.md §5.3 */
import { describe, expect, it } from 'vitest'
import { cid } from './client-bench.fixture.ts'
import { PeerWants } from './peer-wants.ts'

const numberOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)

/** The entries of the next message, as text. */
function told(wants: PeerWants, nowMs = 0, supportsHave = true): string[] {
  return wants
    .compose(supportsHave, nowMs)
    .map(({ cid: bytes, cancel, type }) => `${cancel ? 'cancel' : type} ${numberOf(bytes)}`)
}

describe('wantlist', () => {
  it('BasicWantlist, Cache: add, repeat, remove', () => {
    const wants = new PeerWants(10)
    wants.askHave(cid(1))
    wants.askHave(cid(1))
    expect([wants.has(cid(1).key), wants.has(cid(2).key)]).toEqual([true, false])
    expect(told(wants)).toEqual(['have 1'])
    wants.cancel(cid(1).key)
    expect([wants.has(cid(1).key), wants.registered]).toEqual([false, 0])
  })

  it('AddHaveThenBlock: becomes a want-block', () => {
    const wants = new PeerWants(10)
    wants.askHave(cid(1))
    wants.askBlock(cid(1))
    expect(told(wants)).toEqual(['block 1'])
  })

  it('AddBlockThenHave: stays a want-block', () => {
    const wants = new PeerWants(10)
    wants.askBlock(cid(1))
    wants.askHave(cid(1))
    expect(told(wants)).toEqual(['block 1'])
    wants.askHave(cid(1))
    expect(told(wants)).toEqual([])
  })

  it('AddHaveThenRemoveAny, AddBlockThenRemoveAny: nothing is left', () => {
    const wants = new PeerWants(10)
    wants.askHave(cid(1))
    wants.askBlock(cid(2))
    wants.cancel(cid(1).key)
    wants.cancel(cid(2).key)
    expect([told(wants), wants.pending]).toEqual([[], false])
  })
})

describe('messagequeue', () => {
  it('SendingMessagesDeduped, SendingMessagesPartialDupe: each want goes out once', () => {
    const wants = new PeerWants(10)
    for (const number of [1, 2, 3, 2, 3, 4]) wants.askBlock(cid(number))
    expect(told(wants)).toEqual(['block 1', 'block 2', 'block 3', 'block 4'])
  })

  it('SendingMessagesPriority: what was wanted earlier is more urgent, in later messages too', () => {
    const wants = new PeerWants(10)
    for (const number of [1, 2]) wants.askBlock(cid(number))
    const first = wants.compose(true, 0)
    for (const number of [3, 4]) wants.askBlock(cid(number))
    const priorities = [...first, ...wants.compose(true, 0)].map(({ priority }) => priority)
    expect(priorities).toEqual(priorities.toSorted((a, b) => b - a))
    expect(new Set(priorities).size).toBe(4)
  })

  it('CancelOverridesPendingWants: a cancel before the want was sent is silent, after it is sent', () => {
    const wants = new PeerWants(10)
    wants.askBlock(cid(1))
    wants.askBlock(cid(2))
    wants.cancel(cid(1).key)
    expect(told(wants)).toEqual(['block 2'])
    wants.cancel(cid(1).key)
    wants.cancel(cid(2).key)
    expect(told(wants)).toEqual(['cancel 2'])
  })

  it('WantOverridesPendingCancels: the later want wins', () => {
    const wants = new PeerWants(10)
    wants.askBlock(cid(1))
    told(wants)
    wants.cancel(cid(1).key)
    wants.askBlock(cid(1))
    expect(told(wants)).toEqual(['block 1'])
    expect(wants.pending).toBe(false)
  })

  it('WantlistRebroadcast: what stands unanswered goes out again after 30 s, and nothing else', () => {
    const wants = new PeerWants(10)
    for (const number of [1, 2, 3, 4]) wants.askBlock(cid(number))
    told(wants)
    wants.cancel(cid(1).key)
    wants.answered(cid(2).key, 'dont-have', 10)
    told(wants, 10)
    wants.resendUnanswered(29_999)
    expect(told(wants, 29_999)).toEqual([])
    wants.resendUnanswered(30_000)
    expect(told(wants, 30_000)).toEqual(['block 3', 'block 4'])
    wants.resendUnanswered(59_999)
    expect(told(wants, 59_999)).toEqual([])
    wants.resendUnanswered(60_000)
    expect(told(wants, 60_000)).toEqual(['block 3', 'block 4'])
  })

  it('SendingLargeMessages: what fits no message of 2 MiB goes into the next', () => {
    const count = 60_000
    const wants = new PeerWants(count)
    for (let number = 0; number < count; number += 1) wants.askBlock(cid(number))
    const sizes: number[] = []
    while (wants.pending) sizes.push(wants.compose(true, 0).length)
    expect(sizes.length).toBe(2)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count)
  })

  it('SendToPeerThatDoesntSupportHave: an old peer is asked for the block', () => {
    const wants = new PeerWants(10)
    wants.askHave(cid(1))
    expect(told(wants, 0, false)).toEqual(['block 1'])
  })

  it('ResponseReceived: the latency is that of the first answer', () => {
    const wants = new PeerWants(10)
    wants.askBlock(cid(1))
    told(wants, 100)
    expect(wants.answered(cid(1).key, 'have', 150)).toBe(50)
  })

  it('ResponseReceivedAppliesForFirstResponseOnly', () => {
    const wants = new PeerWants(10)
    wants.askBlock(cid(1))
    told(wants, 100)
    wants.answered(cid(1).key, 'have', 150)
    expect(wants.answered(cid(1).key, 'block', 350)).toBeUndefined()
  })

  it('ResponseReceivedDiscardsOutliers: an answer after half a minute says nothing', () => {
    const wants = new PeerWants(10)
    wants.askBlock(cid(1))
    wants.askBlock(cid(2))
    told(wants, 0)
    expect(wants.answered(cid(1).key, 'block', 29_999)).toBe(29_999)
    expect(wants.answered(cid(2).key, 'block', 30_000)).toBeUndefined()
  })
})
