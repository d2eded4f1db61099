import { ManualClock, settle } from '@cluster/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { unlessIdle, waitUntil, withDeadline } from './wait.ts'

const clock = new ManualClock()
afterEach(() => {
  expect(clock.pending).toBe(0)
})

describe('waitUntil', () => {
  it('waits for a time or a signal', async () => {
    const end = new AbortController()
    const reached = waitUntil(clock, clock.nowMs() + 10, end.signal)
    await clock.advance(10)
    expect(await reached).toBe(true)
    const broken = waitUntil(clock, clock.nowMs() + 10, end.signal)
    end.abort()
    expect(await broken).toBe(false)
    expect(await waitUntil(clock, clock.nowMs(), end.signal)).toBe(false)
  })
})

describe('withDeadline', () => {
  it('passes results and failures on', async () => {
    expect(await withDeadline(clock, 10, undefined, () => Promise.resolve(7))).toBe(7)
    await expect(withDeadline(clock, 10, undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  it('ends work that does not listen', async () => {
    const late = withDeadline(clock, 10, undefined, () => new Promise(() => undefined))
    const refused = expect(late).rejects.toMatchObject({ code: 'TIMEOUT', message: 'context deadline exceeded' })
    await clock.advance(10)
    await refused
    const end = new AbortController()
    const broken = withDeadline(clock, 10, end.signal, () => new Promise(() => undefined))
    end.abort()
    await expect(broken).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(withDeadline(clock, 10, end.signal, () => Promise.resolve())).rejects.toMatchObject({
      code: 'ABORTED'
    })
  })

  it('takes a limit that no timer can hold for none', async () => {
    const day = 86_400_000
    const gate = Promise.withResolvers<string>()
    const work = withDeadline(clock, 356 * day, undefined, () => gate.promise)
    await clock.advance(day)
    gate.resolve('in time')
    expect(await work).toBe('in time')
  })
})

describe('unlessIdle', () => {
  const endless = (gates: readonly Promise<unknown>[]): { items: AsyncIterable<number>; closed: () => boolean } => {
    let closed = false
    async function* items(): AsyncGenerator<number> {
      try {
        for (const [index, gate] of gates.entries()) {
          await gate
          yield index
        }
      } finally {
        closed = true
      }
    }
    return { items: items(), closed: () => closed }
  }

  it('does not count the time that the reader takes', async () => {
    const { items, closed } = endless([Promise.resolve(), Promise.resolve(), Promise.resolve()])
    const found: number[] = []
    for await (const item of unlessIdle(clock, 10, new AbortController().signal, items)) {
      found.push(item)
      await clock.advance(100)
    }
    expect([found, closed()]).toEqual([[0, 1, 2], true])
  })

  it('gives up on a source that says nothing', async () => {
    const { items } = endless([Promise.resolve(), new Promise(() => undefined)])
    const found: number[] = []
    const reading = (async () => {
      for await (const item of unlessIdle(clock, 10, new AbortController().signal, items)) found.push(item)
    })()
    const refused = expect(reading).rejects.toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(25)
    await refused
    expect(found).toEqual([0])
  })

  it('ends with the signal, and closes the source when the reader leaves', async () => {
    const end = new AbortController()
    const { items } = endless([new Promise(() => undefined)])
    const reading = unlessIdle(clock, 10, end.signal, items).next()
    await settle()
    end.abort()
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' })
    const other = endless([Promise.resolve(), Promise.resolve()])
    for await (const item of unlessIdle(clock, 10, new AbortController().signal, other.items)) {
      expect(item).toBe(0)
      break
    }
    await settle()
    expect(other.closed()).toBe(true)
  })
})
