import { distance } from '@cluster/cluster'
import type { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { comparable, recorded, recordedValue, recordedMessage, type Statuses } from './recorded.fixture.ts'
import { factors, ThreePeers } from './three-peers.fixture.ts'

/** For the start and the end of three peers on a machine that does other things, too. */
const PATIENCE_MS = 240_000
/** Name, factors and holders of the recorded pins; the last has four of its kind. */
const PINS: readonly (readonly [string, number, number, readonly number[]])[] = [
  ['A22', 2, 2, [1, 2]],
  ['B11', 1, 1, [2]],
  ['C12', 1, 2, [2, 0]],
  ['D33', 3, 3, [0, 1, 2]],
  ['E', -1, -1, []],
  ['F11-0', 1, 1, [2]],
  ['F11-1', 1, 1, [2]],
  ['F11-2', 1, 1, [2]],
  ['F11-3', 1, 1, [2]]
]
type Allocations = Readonly<Record<string, readonly string[]>>

/** What follows is one story: the third peer dies, its pins get other holders, and it comes back. */
describe('recorded scenarios of a peer that dies, by three peers', { timeout: PATIENCE_MS }, () => {
  let three: ThreePeers
  const cids = new Map<string, CID>()
  const cidOf = (name: string): CID => cids.get(name) ?? expect.unreachable(name)
  const holdersOf = async (name: string): Promise<readonly string[]> =>
    three.holders(await three.peer(0).cluster.pins.get(cidOf(name), {}))
  beforeAll(async () => {
    three = await ThreePeers.start({ metricTtl: '3s', pinTimeout: '4s' })
    // As in the recording, the daemon of the second peer finds nothing.
    for (const [name] of PINS) cids.set(name, await three.content(`kill ${name}`, [0, 2]))
  }, PATIENCE_MS)
  afterAll(async () => {
    await three[Symbol.asyncDispose]()
  }, PATIENCE_MS)

  const pin = async ([name, min, max, holders]: (typeof PINS)[number]): Promise<void> => {
    const userAllocations = holders.map((index) => three.peer(index).id)
    await three.pin(0, cidOf(name), { ...factors(min, max), userAllocations })
  }

  it('dies: it has no status, the others have theirs', async () => {
    const [first, ...others] = PINS
    if (first === undefined) throw new Error('there are pins')
    await pin(first)
    const killed = 'peer-killed-0.5s'
    const { peer1: failed } = recorded(killed, 'A')
    await three.until(async () => {
      expect(comparable(pick(await three.status(0, cidOf('A22')), 'peer1'))).toEqual(
        comparable({ peer1: failed as never })
      )
    })
    for (const each of others) await pin(each)
    const allocations = Object.fromEntries(
      await Promise.all(PINS.map(async ([name]) => [name, (await holdersOf(name)).toSorted()] as const))
    )
    expect(allocations).toEqual(sortedAll(recordedValue('before-peer-kill', 'allocs') as Allocations))
    await three.until(async () => {
      for (const [name] of PINS) {
        for (const [peer, [status]] of Object.entries(await three.status(0, cidOf(name)))) {
          if (peer !== 'peer1') expect(['pinned', 'remote']).toContain(status)
        }
      }
    })
    await three.peer(2).stop()
    for (const [key, name] of [
      ['A', 'A22'],
      ['E', 'E'],
      ['D', 'D33']
    ] as const) {
      const { peer1: recordedOne, ...wanted } = recorded(killed, key)
      const { peer1, ...statuses } = await three.status(0, cidOf(name))
      expect(comparable(statuses)).toEqual(comparable(wanted))
      // Whether it still tries or has given up is a matter of the moment.
      expect([recordedOne?.[0], 'pinning', 'pin_error']).toContain(peer1?.[0])
    }
  })

  it('its pins get other holders, each by the closest peer', async () => {
    const name = 'peer-killed-repinned'
    const wanted = sortedAll(recordedValue(name, 'allocs') as Allocations)
    const before = sortedAll(recordedValue('before-peer-kill', 'allocs') as Allocations)
    await three.until(async () => {
      for (const [key] of PINS) expect([key, (await holdersOf(key)).toSorted()]).toEqual([key, wanted[key]])
    })
    const living = [0, 1].map((index) => three.peer(index).id)
    const predicted = recordedValue('peer-killed-who', 'predicted') as Readonly<Record<string, string>>
    const acted = recordedValue('peer-killed-who', 'log') as Allocations
    for (const [key, actors] of Object.entries(acted)) {
      // In the recording: who was foreseen, or nobody where the others that hold it were enough.
      expect(actors.length === 0 ? [] : [predicted[key]]).toEqual(actors)
      const cid = cidOf(key)
      const [closest] = living.toSorted((x, y) => Buffer.compare(distance(cid, x), distance(cid, y)))
      const ours = three.peers.flatMap(({ name: peer, lines }) =>
        lines.some((line) => line.includes('a pin was given other holders') && line.includes(cid.toString()))
          ? [peer]
          : []
      )
      // Where the others that hold it are enough, nothing need be done.
      const isMoved = before[key]?.join() !== wanted[key]?.join()
      if (isMoved || ours.length > 0) expect([key, ours]).toEqual([key, [three.nameOf(closest ?? '')]])
    }
  })

  it('statuses are those of the living, and of the dead where it still is a holder', async () => {
    const name = 'peer-killed-repinned'
    const one = recordedValue(name, 'status') as Readonly<Record<string, Statuses>>
    const all = recordedValue(name, 'all') as Readonly<Record<string, Statuses>>
    // Sooner or later the second peer has given up everything that it cannot find: that it fails is compared.
    for (const [key] of PINS) {
      await three.reaches(() => three.status(0, cidOf(key)), givenUp(one[key] ?? {}))
      await three.reaches(() => three.listed(0, cidOf(key)), givenUp(all[key] ?? {}))
    }
    await three.until(() => {
      const alerts = three.peer(0).cluster.health.alerts()
      const lost = alerts.filter((alert) => three.nameOf(alert.peer) === 'peer2')
      const wanted = (recordedValue(name, 'alerts') as readonly (readonly [string, string])[]).filter(
        ([peer]) => peer === 'peer2'
      )
      expect(lost.map(({ name: metric }) => metric).sort()).toEqual(wanted.map(([, metric]) => metric).sort())
    })
    const refused = three.pin(0, await three.content('three again'), factors(3, 3))
    await expect(refused).rejects.toThrow(recordedMessage('peer-killed-alloc', 'answer'))
  })

  it('comes back: it holds what it still is a holder of', async () => {
    await three.restart(2)
    const statuses = recordedValue('peer-back', 'status') as Readonly<Record<string, Statuses>>
    for (const [key] of PINS) {
      // A fourth peer, of another recording, had looked in.
      const wanted = Object.entries(statuses[key] ?? {}).filter(([peer]) => /^peer\d$/.test(peer))
      await three.reaches(() => three.status(0, cidOf(key)), Object.fromEntries(wanted))
    }
    // The reference leaves at the daemon what others hold now.
    expect(Object.values(recordedValue('peer-back', 'kubo2') as Readonly<Record<string, string>>)).toHaveLength(
      PINS.length
    )
    await three.until(() => {
      const held = PINS.filter(([key]) => three.kubo(2).pins.has(cidOf(key).toString())).map(([key]) => key)
      expect(held).toEqual(['C12', 'D33', 'E'])
    })
  })
})

function pick(statuses: Statuses, peer: string): Statuses {
  const status = statuses[peer]
  return status === undefined ? {} : { [peer]: status }
}

function sortedAll(allocations: Allocations): Allocations {
  return Object.fromEntries(Object.entries(allocations).map(([name, holders]) => [name, holders.toSorted()]))
}

/** What is being pinned, later. */
function givenUp(statuses: Statuses): Statuses {
  const entries = Object.entries(statuses).map(([peer, status]) => {
    const [, , attempts, priority] = status
    return [peer, status[0] === 'pinning' ? (['pin_error', 'given up', attempts, priority] as const) : status] as const
  })
  return Object.fromEntries(entries)
}
