import type { CID } from 'multiformats/cid'
import { expect, test } from 'vitest'
import { Announcer } from './announcer.ts'
import { blockIdOf } from '../wire/block-id.ts'
import { decodeBroadcast } from '../wire/broadcast.ts'
import type { Head } from '../store/heads.ts'
import { createNode } from '../wire/node.ts'

const INTERVAL_MS = 60_000

/** A CID that differs by its number. */
function cidOf(number: number): CID {
  return createNode({ elements: [], tombstones: [], priority: BigInt(number) }, []).cid
}

/** An announcer on a clock that is moved by hand; messages are noted with their times. */
class Bench {
  nowMs = 0
  heads: CID[] = []
  readonly sent: { atMs: number; heads: string[] }[] = []
  readonly #timers = new Set<{ atMs: number; fn: () => void }>()
  readonly announcer: Announcer

  constructor() {
    this.announcer = new Announcer(
      {
        broadcast: (data) => {
          this.sent.push({ atMs: this.nowMs, heads: decodeBroadcast(data).map(String) })
          return Promise.resolve()
        },
        async *messages() {
          // nobody reads here
        }
      },
      {
        nowMs: () => this.nowMs,
        setTimer: (atMs, fn) => {
          const timer = { atMs, fn }
          this.#timers.add(timer)
          return () => this.#timers.delete(timer)
        },
        soon: queueMicrotask
      },
      () => 0.5,
      INTERVAL_MS,
      { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      () => this.heads.map((cid): Head => ({ cid, id: blockIdOf(cid), height: 1n }))
    )
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Own changes, one block on the other. */
  async announce(count: number): Promise<void> {
    for (let number = 0; number < count; number += 1) {
      const cid = cidOf(this.nowMs * 1000 + number)
      const links = this.heads
      this.heads = [cid]
      await this.announcer.announce(cid, links)
    }
  }

  async pass(ms: number): Promise<void> {
    for (const until = this.nowMs + ms; this.nowMs < until;) {
      this.nowMs += 100
      for (const timer of [...this.#timers]) {
        if (timer.atMs > this.nowMs) continue
        this.#timers.delete(timer)
        timer.fn()
        // The message leaves in a few microtasks.
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      }
    }
  }
}

test('what a burst came to is announced once more when it is over', async () => {
  const bench = new Bench()
  await bench.announce(40)
  expect(bench.sent.length).toBe(40)
  await bench.pass(20_000)
  expect(bench.sent.slice(40)).toEqual([{ atMs: 3000, heads: bench.heads.map(String) }])
  await bench.announcer.close()
  expect(bench.timers).toBe(0)
})

test('a few announcements are not repeated', async () => {
  const bench = new Bench()
  for (let round = 0; round < 10; round += 1) {
    await bench.announce(5)
    await bench.pass(5000)
  }
  expect(bench.sent.length).toBe(50)
})

test('a burst that goes on is waited for', async () => {
  const bench = new Bench()
  for (let second = 0; second < 10; second += 1) {
    await bench.announce(20)
    await bench.pass(1000)
  }
  expect(bench.sent.length).toBe(200)
  await bench.pass(4000)
  expect(bench.sent.length).toBe(201)
})

test('who hears the heads after the burst does not repeat them', async () => {
  const bench = new Bench()
  await bench.announce(40)
  await bench.pass(2500)
  for (const cid of bench.heads) bench.announcer.saw(cid)
  await bench.pass(20_000)
  expect(bench.sent.length).toBe(40)
  // Only those that the other did not know.
  await bench.announce(40)
  const [last = cidOf(0)] = bench.heads
  const foreign = cidOf(1e12)
  bench.heads = [last, foreign]
  await bench.pass(2500)
  bench.announcer.saw(last)
  await bench.pass(20_000)
  expect(bench.sent.at(-1)?.heads).toEqual([foreign.toString()])
})

test('an announcer that ends leaves no timer', async () => {
  const bench = new Bench()
  bench.announcer.start()
  await bench.announce(40)
  expect(bench.timers).toBe(2)
  await bench.announcer.close()
  expect(bench.timers).toBe(0)
})
