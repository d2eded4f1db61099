import { pinOf, pinsetKey, timestampFromMs, type Pin } from '@cluster/api'
import { testCid } from '@cluster/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { OperationQueue } from './operation-queue.ts'
import type { Operation } from './operation.ts'

const LIMITS = { maxPinQueueSize: 3, concurrentPins: 2, priorityPinMaxAgeMs: 1000, priorityPinMaxRetries: 1 }
const NOW = 1_000_000
const pin = (index: number, over: Partial<Pin> = {}): Pin => ({ ...pinOf(testCid(index)), ...over })
const young = (index: number): Pin => pin(index, { timestamp: timestampFromMs(NOW - 999) })
const key = (index: number): string => pinsetKey(testCid(index))

describe('OperationQueue', () => {
  let queue: OperationQueue
  const begin = (): Operation => {
    const operation = queue.next(NOW)
    if (operation === undefined) throw new Error('nothing to do')
    return operation
  }
  const view = (index: number): unknown[] => {
    const operation = queue.get(key(index))
    return operation === undefined ? [] : [operation.type, operation.phase, operation.attempts]
  }

  beforeEach(() => {
    queue = new OperationQueue(LIMITS)
  })

  it('OP-1: keeps an operation of the same type with the newer pin, replaces one of another type', () => {
    expect(queue.submit('pin', pin(1), 0, NOW)).toBe('queued')
    expect(view(1)).toEqual(['pin', 'queued', 0])
    expect(queue.submit('pin', pin(1, { name: 'new' }), 0, NOW)).toBe('updated')
    expect(queue.get(key(1))?.pin.name).toBe('new')
    expect(queue.submit('unpin', pin(1), 0, NOW)).toBe('queued')
    expect(view(1)).toEqual(['unpin', 'queued', 0])
    expect(queue.pinQueueSize).toBe(0)
    const run = begin()
    expect([run.type, queue.next(NOW)]).toEqual(['unpin', undefined])
  })

  it('OP-1, OP-8: goes through its phases, and is gone when it succeeded or failed', () => {
    queue.submit('pin', pin(1), 2, NOW)
    const run = begin()
    expect([run.phase, run.attempts, run.timestamp]).toEqual(['running', 3, timestampFromMs(NOW)])
    expect(queue.settle(run, true, NOW)).toBe(true)
    expect(view(1)).toEqual([])
    expect(queue.submit('pin', pin(1), 0, NOW)).toBe('queued')
    expect(queue.settle(begin(), false, NOW)).toBe(true)
    expect(view(1)).toEqual([])
    expect(() => queue.settle(run, true, NOW)).toThrow('no such run')
  })

  it('OP-2, OP-4: the end of a replaced run leaves the newer operation alone, which waits for it', () => {
    queue.submit('pin', pin(1), 0, NOW)
    const old = begin()
    expect(queue.submit('unpin', pin(1), 0, NOW)).toBe('queued')
    expect(queue.isReplaced(old)).toBe(true)
    expect(queue.runOf(key(1))).toBe(old)
    expect(queue.next(NOW)).toBeUndefined()
    expect(queue.settle(old, false, NOW)).toBe(false)
    expect(view(1)).toEqual(['unpin', 'queued', 0])
    expect(begin().type).toBe('unpin')
  })

  it('holds only the last of several that replace a running one', () => {
    queue.submit('pin', pin(1), 0, NOW)
    const old = begin()
    queue.submit('unpin', pin(1), 0, NOW)
    queue.submit('pin', pin(1, { name: 'last' }), 0, NOW)
    expect(queue.pinQueueSize).toBe(1)
    expect(queue.next(NOW)).toBeUndefined()
    queue.settle(old, true, NOW)
    const run = begin()
    expect([run.type, run.pin.name, run.attempts]).toEqual(['pin', 'last', 1])
    expect([queue.pinQueueSize, queue.isDrained]).toEqual([0, true])
  })

  it('keeps its limits: pins at once, one unpin, so many that wait of each kind', () => {
    for (const index of [1, 2, 3]) queue.submit('pin', pin(index), 0, NOW)
    expect(queue.submit('pin', pin(4), 0, NOW)).toBe('full')
    expect(queue.submit('pin', young(5), 0, NOW)).toBe('queued')
    for (const index of [6, 7, 8]) queue.submit('unpin', pin(index), 0, NOW)
    expect(queue.submit('remote', pin(9), 0, NOW)).toBe('full')
    expect([queue.get(key(4)), queue.get(key(9))]).toEqual([undefined, undefined])
    const runs = [begin(), begin(), begin()]
    expect(runs.map((run) => run.pin.cid)).toEqual([5, 1, 6].map(testCid))
    expect(queue.next(NOW)).toBeUndefined()
    expect([queue.pinsRunning, queue.pinQueueSize]).toEqual([2, 2])
    expect(queue.submit('pin', pin(4), 0, NOW)).toBe('queued')
  })

  it('gives the place up of one that it has no room to replace', () => {
    for (const index of [1, 2, 3]) queue.submit('unpin', pin(index), 0, NOW)
    queue.submit('pin', pin(4), 0, NOW)
    expect(queue.submit('unpin', pin(4), 0, NOW)).toBe('full')
    expect(view(4)).toEqual([])
    expect(queue.pinQueueSize).toBe(0)
  })

  it('gives priority by age and by failures', () => {
    expect(queue.isPriority('pin', young(1), 1, NOW)).toBe(true)
    expect(queue.isPriority('pin', young(1), 2, NOW)).toBe(false)
    expect(queue.isPriority('pin', young(1), 0, NOW + 1)).toBe(false)
    expect(queue.isPriority('pin', pin(1), 0, NOW)).toBe(false)
    expect(queue.isPriority('unpin', young(1), 0, NOW)).toBe(false)
  })

  it('pins again when the depth was changed while it ran, but not when it failed', () => {
    queue.submit('pin', pin(1, { maxDepth: 0 }), 0, NOW)
    const direct = begin()
    expect(queue.submit('pin', pin(1, { maxDepth: -1 }), 0, NOW)).toBe('updated')
    expect(queue.settle(direct, true, NOW)).toBe(false)
    expect(view(1)).toEqual(['pin', 'queued', 0])
    const recursive = begin()
    expect(recursive.pin.maxDepth).toBe(-1)
    queue.submit('pin', pin(1, { maxDepth: 0 }), 0, NOW)
    expect(queue.settle(recursive, false, NOW)).toBe(true)
    expect(view(1)).toEqual([])
  })
})
