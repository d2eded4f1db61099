import { pinOf, pinsetKey, timestampFromMs, type Pin } from '@cluster/api'
import { testCid } from '@cluster/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { OperationQueue } from './operation-queue.ts'
import type { Intent, Operation, OperationType } from './operation.ts'
import { SLOW_AFTER_MS } from './running.ts'

const LIMITS = { maxPinQueueSize: 3, concurrentPins: 2, priorityPinMaxAgeMs: 1000, priorityPinMaxRetries: 1 }
const NOW = 1_000_000
const pin = (index: number, over: Partial<Pin> = {}): Pin => ({ ...pinOf(testCid(index)), ...over })
const young = (index: number): Pin => pin(index, { timestamp: timestampFromMs(NOW - 999) })
const key = (index: number): string => pinsetKey(testCid(index))

describe('OperationQueue', () => {
  let queue: OperationQueue
  const submit = (type: OperationType, each: Pin, attempts = 0, over: Partial<Intent> = {}) =>
    queue.submit({ key: pinsetKey(each.cid), type, pin: each, attempts, ...over }, NOW)
  const begin = (nowMs = NOW): Operation => {
    const operation = queue.next(nowMs)
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
    expect(submit('pin', pin(1))).toBe('queued')
    expect(view(1)).toEqual(['pin', 'queued', 0])
    expect(submit('pin', pin(1, { name: 'new' }))).toBe('updated')
    expect(queue.get(key(1))?.pin?.name).toBe('new')
    expect(submit('unpin', pin(1))).toBe('queued')
    expect(view(1)).toEqual(['unpin', 'queued', 0])
    expect(queue.pinQueueSize).toBe(0)
    const run = begin()
    expect([run.type, queue.next(NOW)]).toEqual(['unpin', undefined])
  })

  it('OP-1, OP-8: goes through its phases, and is gone when it succeeded or failed', () => {
    submit('pin', pin(1), 2)
    const run = begin()
    expect([run.phase, run.attempts, run.sinceMs]).toEqual(['running', 3, NOW])
    expect(queue.settle(run, true, NOW)).toBe('counts')
    expect(view(1)).toEqual([])
    expect(submit('pin', pin(1))).toBe('queued')
    expect(queue.settle(begin(), false, NOW)).toBe('counts')
    expect(view(1)).toEqual([])
    expect(() => queue.settle(run, true, NOW)).toThrow('no such run')
  })

  it('OP-2, OP-4: the end of a replaced run leaves the newer operation alone, which waits for it', () => {
    submit('pin', pin(1))
    const old = begin()
    expect(submit('unpin', pin(1))).toBe('queued')
    expect(queue.isReplaced(old)).toBe(true)
    expect(queue.runOf(key(1))).toBe(old)
    expect(queue.next(NOW)).toBeUndefined()
    expect(queue.settle(old, false, NOW)).toBe('replaced')
    expect(view(1)).toEqual(['unpin', 'queued', 0])
    expect(begin().type).toBe('unpin')
  })

  it('holds only the last of several that replace a running one', () => {
    submit('pin', pin(1))
    const old = begin()
    submit('unpin', pin(1))
    submit('pin', pin(1, { name: 'last' }))
    expect(queue.pinQueueSize).toBe(1)
    expect(queue.next(NOW)).toBeUndefined()
    queue.settle(old, true, NOW)
    const run = begin()
    expect([run.type, run.pin?.name, run.attempts]).toEqual(['pin', 'last', 1])
    expect([queue.pinQueueSize, queue.isDrained]).toEqual([0, true])
  })

  it('keeps its limits: pins at once, one unpin, so many that wait of each kind', () => {
    for (const index of [1, 2, 3]) submit('pin', pin(index))
    expect(submit('pin', pin(4))).toBe('full')
    expect(submit('pin', young(5))).toBe('queued')
    for (const index of [6, 7, 8]) submit('unpin', pin(index))
    expect(submit('remote', pin(9))).toBe('full')
    expect([queue.get(key(4)), queue.get(key(9))]).toEqual([undefined, undefined])
    const runs = [begin(), begin(), begin()]
    expect(runs.map((run) => run.pin?.cid)).toEqual([5, 1, 6].map(testCid))
    expect(queue.next(NOW)).toBeUndefined()
    expect([queue.pinsRunning, queue.pinQueueSize]).toEqual([2, 2])
    expect(submit('pin', pin(4))).toBe('queued')
  })

  it('gives the place up of one that it has no room to replace', () => {
    for (const index of [1, 2, 3]) submit('unpin', pin(index))
    submit('pin', pin(4))
    expect(submit('unpin', pin(4))).toBe('full')
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
    submit('pin', pin(1, { maxDepth: 0 }))
    const direct = begin()
    expect(submit('pin', pin(1, { maxDepth: -1 }))).toBe('updated')
    expect(queue.settle(direct, true, NOW)).toBe('again')
    expect(view(1)).toEqual(['pin', 'queued', 0])
    const recursive = begin()
    expect(recursive.pin?.maxDepth).toBe(-1)
    submit('pin', pin(1, { maxDepth: 0 }))
    expect(queue.settle(recursive, false, NOW)).toBe('counts')
    expect(view(1)).toEqual([])
  })

  it('keeps a rate, with a second of it at once', () => {
    queue = new OperationQueue({ ...LIMITS, maxPinQueueSize: 99, concurrentPins: 9, pinsPerSecond: 2 })
    for (let index = 1; index <= 5; index++) submit('pin', pin(index))
    submit('unpin', pin(20))
    begin()
    const second = begin()
    // unpins have no rate
    expect([begin().type, queue.next(NOW), queue.wakeMs(NOW)]).toEqual(['unpin', undefined, NOW + 500])
    queue.settle(second, true, NOW)
    expect(queue.next(NOW + 499)).toBeUndefined()
    begin(NOW + 500)
    expect([queue.next(NOW + 500), queue.wakeMs(NOW)]).toEqual([undefined, NOW + 1000])
    // time that was not used is not made up for beyond a second
    expect([begin(NOW + 9000).key, begin(NOW + 9000).key]).toEqual([key(4), key(5)])
    submit('pin', pin(6))
    expect(queue.wakeMs(NOW + 9000)).toBe(NOW + 9500)
    // a clock that is set back by hours keeps nothing waiting
    expect(begin(NOW - 9_000_000).key).toBe(key(6))
  })

  it('keeps the first pins that wait whole, of the others what is needed to find them', () => {
    queue = new OperationQueue({ ...LIMITS, maxPinQueueSize: 2000 })
    for (let index = 0; index < 1030; index++) submit('pin', pin(index))
    expect(queue.get(key(1023))?.pin).toBeDefined()
    const later = queue.get(key(1024))
    expect([later?.pin, later?.key]).toEqual([undefined, key(1024)])
    // their places are free again when they run or go
    const runs = [begin(), begin()]
    submit('unpin', pin(2))
    for (let index = 2000; index < 2004; index++) submit('pin', pin(index))
    expect([2000, 2001, 2002, 2003].map((index) => queue.get(key(index))?.pin !== undefined)).toEqual([
      true,
      true,
      false,
      false
    ])
    for (const run of runs) queue.settle(run, true, NOW)
    for (let left = queue.next(NOW); left?.pin !== undefined; left = queue.next(NOW)) queue.settle(left, true, NOW)
    const found = queue.runOf(key(1024))
    if (found === undefined) throw new Error('it does not run')
    queue.found(found, pin(1024, { name: 'found', maxDepth: 0 }))
    expect(found.pin?.name).toBe('found')
    // not taken for pinned to another depth
    expect(queue.settle(found, true, NOW)).toBe('counts')
  })

  describe('pins that nobody has', () => {
    const SLOW = NOW + SLOW_AFTER_MS
    const CONCURRENT = 4
    beforeEach(() => {
      queue = new OperationQueue({ ...LIMITS, concurrentPins: CONCURRENT, maxPinQueueSize: 99 })
    })
    const fill = (): Operation[] => {
      for (let index = 1; index <= CONCURRENT; index++) submit('pin', pin(index))
      return Array.from({ length: CONCURRENT }, () => begin())
    }

    it('have all places as long as nothing else waits', () => {
      fill()
      expect([queue.setAside(SLOW), queue.wakeMs(NOW)]).toEqual([[], undefined])
    })

    it('count as slow in their time, also after the clock was set back', () => {
      const back = NOW - 5 * 3_600_000
      for (let index = 1; index <= CONCURRENT; index++) submit('pin', pin(index))
      begin(NOW)
      for (let index = 2; index <= CONCURRENT; index++) begin(back)
      submit('pin', pin(9))
      expect(queue.wakeMs(back)).toBe(back + SLOW_AFTER_MS)
      expect(queue.setAside(back + SLOW_AFTER_MS)).toHaveLength(1)
    })

    it('give half of the places to pins that wait, and wait behind them', () => {
      const runs = fill()
      for (const index of [5, 6, 7]) submit('pin', pin(index))
      expect([queue.setAside(SLOW - 1), queue.wakeMs(NOW)]).toEqual([[], SLOW])
      const aside = queue.setAside(SLOW)
      expect(aside).toHaveLength(2)
      // once, and no more of them
      expect(queue.setAside(SLOW)).toEqual([])
      expect(queue.next(SLOW)).toBeUndefined()
      expect(aside.map((run) => queue.settle(run, false, SLOW))).toEqual(['aside', 'aside'])
      expect(aside.map(({ phase, attempts, isSlow }) => [phase, attempts, isSlow])).toEqual([
        ['queued', 1, true],
        ['queued', 1, true]
      ])
      const next = [begin(SLOW), begin(SLOW)]
      expect(next.map(({ key: each }) => each)).toEqual([key(5), key(6)])
      queue.settle(next[0] ?? begin(), true, SLOW)
      expect(begin(SLOW).key).toBe(key(7))
      queue.settle(next[1] ?? begin(), true, SLOW)
      // a place is free, but not for a third slow one
      expect(queue.next(SLOW)).toBeUndefined()
      const [first] = runs
      if (first === undefined) throw new Error('nothing ran')
      expect(queue.settle(first, false, SLOW)).toBe('counts')
      expect([first.isSlow, begin(SLOW).key]).toEqual([true, aside[0]?.key])
    })

    it('are not those of which something arrived', () => {
      const runs = fill()
      submit('pin', pin(5))
      for (const run of runs.slice(0, 2)) queue.progress(run, SLOW - 1)
      expect(queue.setAside(SLOW)).toEqual([])
      for (const run of runs.slice(2)) expect(queue.progress(run, SLOW)).toBe(true)
      expect(queue.setAside(SLOW)).toEqual([])
      // what has arrived is not thrown away, though no more comes
      expect(queue.setAside(SLOW + SLOW_AFTER_MS)).toEqual([])
    })

    it('never lose the only place', () => {
      queue = new OperationQueue({ ...LIMITS, concurrentPins: 1 })
      submit('pin', pin(1))
      begin()
      submit('pin', pin(2))
      expect(queue.setAside(SLOW)).toEqual([])
    })

    it('are known from former runs, and forgiven when the daemon was restarted', () => {
      for (const index of [1, 2, 3]) submit('pin', young(index), 1, { isSlow: true })
      submit('pin', pin(4))
      expect(begin().key).toBe(key(4))
      expect([begin().key, begin().key, queue.next(NOW)]).toEqual([key(1), key(2), undefined])
      queue.forgetSlow()
      expect(begin().key).toBe(key(3))
    })

    it('have one place at least, however many others come', () => {
      submit('pin', pin(1), 1, { isSlow: true })
      for (const index of [2, 3, 4, 5, 6]) submit('pin', pin(index))
      expect([begin(), begin(), begin(), begin()].map((run) => run.key)).toEqual([2, 3, 4, 1].map(key))
      expect(queue.next(NOW)).toBeUndefined()
    })

    it('may be replaced while they are set aside', () => {
      fill()
      submit('pin', pin(5))
      submit('pin', pin(6))
      const aside = queue.setAside(SLOW)
      for (const run of aside) submit('unpin', pin(0, run.pin))
      expect(aside.map((run) => queue.settle(run, false, SLOW))).toEqual(['replaced', 'replaced'])
      expect([begin().key, begin().key, begin().type]).toEqual([key(5), key(6), 'unpin'])
    })

    it('count when they succeed after all', () => {
      fill()
      submit('pin', pin(5))
      const [aside] = queue.setAside(SLOW)
      if (aside === undefined) throw new Error('nothing was set aside')
      expect(queue.settle(aside, true, SLOW)).toBe('counts')
      expect(queue.get(aside.key)).toBeUndefined()
    })
  })
})
