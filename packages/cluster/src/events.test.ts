import { expect, it } from 'vitest'
import { createEvents } from './events.ts'

it('remembers the last events, and shows by their ids what it forgot', () => {
  const events = createEvents({ nowMs: () => 5 }, 3)
  for (let count = 0; count < 5; count += 1) events.emit({ type: 'ready' })
  expect(events.since(0).map(({ id }) => id)).toEqual([3, 4, 5])
  expect(events.since(4)).toEqual([{ type: 'ready', id: 5, atMs: 5 }])
  expect(events.since(5)).toEqual([])
  expect(events.since(0, 2).map(({ id }) => id)).toEqual([3, 4])
  expect([events.run, events.lastId]).toEqual(['5', 5])
})

it('tells watchers until they leave', () => {
  const events = createEvents({ nowMs: () => 0 })
  const seen: number[] = []
  const leave = events.watch(({ id }) => seen.push(id))
  events.emit({ type: 'ready' })
  leave()
  events.emit({ type: 'ready' })
  expect(seen).toEqual([1])
})
