import { pinOf, pinsetKey, type Pin } from '@cluster/api'
import { MemoryDatastore, MemoryPinset, settle, SteeredIpfs, testCid, testContext, testPeerId } from '@cluster/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import type { IndexRecord } from './index-record.ts'
import { reconcile, resume, retryDue } from './reconcile.ts'
import { MAX_WAIT_MS } from './retry-schedule.ts'
import { StatusIndex } from './status-index.ts'
import { Work } from './work.ts'

const LIMITS = { maxPinQueueSize: 9, concurrentPins: 1, priorityPinMaxAgeMs: 9, priorityPinMaxRetries: 9 }
const key = (index: number): string => pinsetKey(testCid(index))
const everywhere = (index: number): Pin => {
  return { ...pinOf(testCid(index)), replicationFactorMin: -1, replicationFactorMax: -1 }
}
const failed = (retryAtMs: number): IndexRecord => {
  return { state: 'pin', at: 1n, attempts: 1, error: 'no', retryAtMs, priority: false }
}

describe('taking up what the index says is to be done', () => {
  let context: ReturnType<typeof fresh>

  function fresh() {
    const base = { ...testContext(), pinset: new MemoryPinset(), ipfs: new SteeredIpfs(testPeerId(9)) }
    const index = new StatusIndex(new MemoryDatastore(), () => undefined)
    const told: unknown[] = []
    const listener = {
      onStatus: (info: unknown) => told.push(info),
      onRetryDue: () => undefined,
      onRoom: () => undefined
    }
    const lacks = (keys: readonly string[]) => Promise.resolve(keys.map(() => false))
    return { ...base, index, work: new Work(base, LIMITS, index, listener), listing: { lacks }, told }
  }
  beforeEach(() => {
    context = fresh()
  })

  it('forgets nothing that fails while it reads', async () => {
    const { index, work } = context
    index.set(key(1), failed(1000))
    const flush = index.flush.bind(index)
    index.flush = async () => {
      await flush()
      index.set(key(2), failed(2000))
      work.retries.set(key(2), 2000)
    }
    await resume(context, {})
    expect([work.retries.takeDue(9999), work.retries.takeDue(9999)]).toEqual([key(1), key(2)])
  })

  it('does not wait for hours because a clock was set back', async () => {
    const { index, work } = context
    const nowMs = context.clock.nowMs()
    const later = nowMs + 90_000_000
    index.set(key(1), failed(later))
    await resume(context, {})
    expect(work.retries.nextMs).toBe(nowMs + MAX_WAIT_MS)
    work.retries.set(key(1), later)
    await retryDue(context, nowMs, {})
    expect(work.retries.nextMs).toBe(nowMs + MAX_WAIT_MS)
    work.retries.reset()
    context.pinset.apply([{ type: 'pin', pin: everywhere(1) }])
    await reconcile(context, {})
    expect(work.retries.nextMs).toBe(nowMs + MAX_WAIT_MS)
    await work.stop()
  })

  it('counts pins in error once, though it reads them again', async () => {
    const { index, work } = context
    index.set(key(1), failed(1000))
    await resume(context, {})
    await resume(context, {})
    expect(work.pinErrors).toBe(1)
  })

  it('leaves what the pinset does not want so any more', async () => {
    const { index, work, pinset } = context
    const toDo: IndexRecord = { state: 'pin', at: 1n, attempts: 0, error: '', priority: false }
    for (const each of [1, 2]) index.set(key(each), toDo)
    pinset.apply([{ type: 'pin', pin: everywhere(1) }])
    work.start()
    await resume(context, {})
    await settle()
    expect(context.ipfs.calls.map(({ cid }) => pinsetKey(cid))).toEqual([key(1)])
    await work.stop()
  })
})
