/** The scenarios of boxo's fair scheduler and of its blockstore manager, as far as they apply. @see bitswap.md §5.4 */
import { settle } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { cid, entry } from './engine-bench.fixture.ts'
import { FairTurns } from './fair-turns.ts'
import { Server } from './server.ts'

/** Tasks that end when the test says so. */
class Gate {
  readonly started: string[] = []
  readonly #ends: (() => void)[] = []

  task(name: string): () => Promise<void> {
    return () => {
      this.started.push(name)
      return new Promise((resolve) => {
        this.#ends.push(resolve)
      })
    }
  }

  async end(): Promise<void> {
    this.#ends.shift()?.()
    await settle()
  }
}

describe('scheduler_test.go', () => {
  it('FairSchedulerLowPendingPeerIsServed: one task among the thousands of others has its turn at once', async () => {
    const [turns, gate] = [new FairTurns(1), new Gate()]
    const all = Array.from({ length: 1000 }, (_, index) => turns.run('flood', gate.task(`flood ${index}`)))
    all.push(turns.run('other', gate.task('other')))
    await settle()
    await gate.end()
    await gate.end()
    expect(gate.started).toEqual(['flood 0', 'flood 1', 'other'])
    while (gate.started.length < all.length) await gate.end()
    await gate.end()
    await Promise.all(all)
  })

  it('FairSchedulerForgetsDisconnectedPeer: a peer without tasks leaves nothing behind', async () => {
    const turns = new FairTurns(2)
    await Promise.all(Array.from({ length: 50 }, (_, peer) => turns.run(`peer ${peer}`, () => settle())))
    expect(turns.waiting).toBe(0)
    expect(await turns.run('again', () => 1)).toBe(1)
  })

  it('gives the turn on when a task fails', async () => {
    const turns = new FairTurns(1)
    const failed = turns.run('a', () => Promise.reject(new Error('no')))
    const next = turns.run('b', () => 2)
    await expect(failed).rejects.toThrow('no')
    expect(await next).toBe(2)
  })
})

/** A server over a store of raw blocks with even numbers, whose reads wait for the gate. */
function scene(concurrency: number): { server: Server; gate: Gate; stop: AbortController; reading: () => number } {
  const gate = new Gate()
  const stop = new AbortController()
  let [now, most] = [0, 0]
  const get = async (asked: CID): Promise<Uint8Array> => {
    now += 1
    most = Math.max(most, now)
    const number = new DataView(asked.bytes.buffer, asked.bytes.byteOffset).getUint32(4)
    await gate.task(String(number))()
    now -= 1
    if (number % 2 === 1) throw Object.assign(new Error('not here'), { code: 'ERR_NOT_FOUND' })
    return new Uint8Array(10)
  }
  const settings = {
    ...{ maxWantsPerPeer: 1024, remoteWants: 10_000, targetMessageBytes: 65_536, wantHaveReplaceBytes: 1024 },
    ...{ mayHave: () => true, blockstoreConcurrency: concurrency }
  }
  const server = new Server(settings, { has: () => true, get }, () => undefined, stop.signal)
  server.engine.peerConnected('flood')
  server.engine.peerConnected('other')
  return { server, gate, stop, reading: () => most }
}

describe('blockstoremanager_test.go', () => {
  it('NotFoundKey, BlockstoreManager: what is there and what is not is told apart', async () => {
    const { server, gate } = scene(5)
    const received = server.received(
      'other',
      Array.from({ length: 32 }, (_, number) => entry(number)),
      false
    )
    for (let read = 0; read < 32; read += 1) await gate.end()
    await received
    const known = [...server.engine.wantlist('other')].map(({ block }) => block)
    expect(known).toEqual(Array.from({ length: 32 }, (_, number) => (number % 2 === 0 ? 10 : 'missing')))
  })

  it('Concurrency: no more reads at once than were allowed, whoever asks', async () => {
    const { server, gate, reading } = scene(5)
    const received = Array.from({ length: 16 }, (_, batch) =>
      server.received(batch % 2 === 0 ? 'flood' : 'other', [entry(2 * batch), entry(2 * batch + 1)], false)
    )
    for (let read = 0; read < 32; read += 1) await gate.end()
    await Promise.all(received)
    expect(reading()).toBe(5)
  })

  it('FairSchedulerLowPendingPeerIsServed: one want is looked up among the 1000 of another peer', async () => {
    const { server, gate } = scene(2)
    const flood = server.received(
      'flood',
      Array.from({ length: 1000 }, (_, number) => entry(number)),
      false
    )
    const other = server.received('other', [entry(5000)], false)
    await settle()
    for (let read = 0; read < 3; read += 1) await gate.end()
    expect(gate.started).toContain('5000')
    for (let read = 0; read < 1001; read += 1) await gate.end()
    await Promise.all([flood, other])
    expect([...server.engine.wantlist('other')].map(({ cid: { key }, block }) => [key, block])).toEqual([
      [cid(5000).key, 10]
    ])
  })
})
