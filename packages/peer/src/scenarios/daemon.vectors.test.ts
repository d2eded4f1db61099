import { TrackerStatus } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  comparable,
  recorded,
  recordedValue,
  recordedListing,
  recordedMessage,
  type ShownStatus,
  type Statuses
} from './recorded.fixture.ts'
import { factors, ThreePeers } from './three-peers.fixture.ts'

/** For the start and the end of three peers on a machine that does other things, too. */
const PATIENCE_MS = 240_000
const KEYS = ['A', 'B', 'C'] as const
const EVERYWHERE = recorded('recover-cid-after', 'A')

/** What follows is one story: the daemon of the second peer goes, things happen meanwhile, and it comes back. */
describe('recorded scenarios of a daemon that goes and comes back, by three peers', { timeout: PATIENCE_MS }, () => {
  let three: ThreePeers
  let port: number
  const cids = new Map<string, CID>()
  const cidOf = (key: string): CID => cids.get(key) ?? expect.unreachable(`${key} comes later`)
  beforeAll(async () => {
    three = await ThreePeers.start({ metricTtl: '3s' })
    port = three.kubo(1).port
    for (const key of [...KEYS, 'new', 'never']) cids.set(key, await three.content(`kubo ${key}`))
  }, PATIENCE_MS)
  afterAll(async () => {
    await three[Symbol.asyncDispose]()
  }, PATIENCE_MS)

  it('pins while it is there', async () => {
    const ids = three.peers.map(({ peer }) => peer.id)
    const options = {
      A: {},
      B: { ...factors(1, 1), userAllocations: ids.slice(1, 2) },
      C: { ...factors(2, 2), userAllocations: ids.slice(1) }
    }
    for (const key of KEYS) {
      const [holders, statuses] = recordedValue('kubo-up', key) as readonly [readonly string[], Statuses]
      expect(three.holders(await three.pin(0, cidOf(key), options[key])).sort()).toEqual(holders.toSorted())
      await three.reaches(() => three.status(0, cidOf(key)), statuses)
      await three.reaches(() => three.status(1, cidOf(key)), statuses)
    }
  })

  it('its peer cannot tell what is pinned', async () => {
    await three.kubo(1).close()
    for (const key of KEYS) {
      await three.reaches(() => three.status(0, cidOf(key)), recorded('kubo-down', key))
      const asked = recorded('kubo-down-via-peer1', key)
      // In the recording two peers had never met, which is not what this is about.
      const { peer2 } = recorded('kubo-down', key)
      const met = Object.entries(asked).map(([peer, status]) =>
        status[1] === 'routing: not found' ? ([peer, peer2 as ShownStatus] as const) : ([peer, status] as const)
      )
      await three.reaches(() => three.status(1, cidOf(key)), Object.fromEntries(met))
    }
  })

  it('the other peers know of it by the metrics, and give it nothing', async () => {
    const name = 'metrics-after-kubo-down'
    const { health } = three.peer(0).cluster
    const having = (metric: string): string[] => health.latestMetrics(metric).map(({ peer }) => three.nameOf(peer))
    await three.until(() => {
      expect(having('freespace').sort()).toEqual((recordedValue(name, 'freespace') as string[]).toSorted())
      expect(having('ping').sort()).toEqual((recordedValue(name, 'ping') as string[]).toSorted())
      expect(health.alerts().map((alert) => [three.nameOf(alert.peer), alert.name])).toEqual(recorded(name, 'alerts'))
    })
    const refused = three.pin(0, cidOf('never'), factors(3, 3))
    await expect(refused).rejects.toThrow(recordedMessage('alloc-kubo-down', 'answer'))
  })

  it('a new pin fails at its peer alone, with the reason', async () => {
    await three.pin(0, cidOf('new'))
    const { peer1, ...others } = recorded('kubo-down-new-pin', 'status')
    // When it was recorded, the call had not failed yet.
    expect(peer1).toEqual(['pinning', '', 1, true])
    expect(comparable(others)).toEqual(
      comparable({ peer0: EVERYWHERE['peer0'] as never, peer2: EVERYWHERE['peer2'] as never })
    )
    await three.reaches(() => three.status(0, cidOf('new')), recorded('kubo-back', 'new'))
    // A listing of the reference knows nothing of a peer without its daemon; ours has an index.
    expect(recordedListing('kubo-down-new-pin', 'all')['peer1']?.[0]).toBe('cluster_error')
    await three.reaches(() => three.listed(0, cidOf('new')), recorded('kubo-back', 'new'))
    const info = await three.peer(2).cluster.statuses.status(cidOf('new'), {})
    const failed = info.peerMap?.get(three.peer(1).id.toString())
    expect([failed?.reason, (failed?.retryAt ?? 0n) > (failed?.timestamp ?? 0n)]).toEqual(['ipfs_down', true])
  })

  it('what is unpinned stays in error at its peer, in listings too', async () => {
    const name = 'kubo-down-unpin'
    for (const key of ['A', 'B']) await three.peer(0).cluster.pins.unpin(cidOf(key), {})
    const errors = Object.values(recordedValue(name, 'filter_unpin_error') as Readonly<Record<string, Statuses>>)
    expect(errors).toHaveLength(2)
    for (const [index, key] of ['A', 'B'].entries()) {
      await three.reaches(() => three.status(0, cidOf(key)), recorded(name, key))
      const failed = errors[index] ?? {}
      for (const filter of [TrackerStatus.unpinError, TrackerStatus.error]) {
        await three.reaches(() => three.listed(0, cidOf(key), filter), failed)
      }
      expect(comparable(await three.status(1, cidOf(key), { local: true }))).toEqual(comparable(failed))
      // A plain listing of the reference leaves it out, as do filters that ask for anything else as well.
      expect([recorded(name, 'all_plain'), recorded(name, 'filter_unpin_error_pinned')]).toEqual([{}, {}])
      await three.reaches(() => three.listed(0, cidOf(key)), failed)
      await three.reaches(() => three.listed(0, cidOf(key), TrackerStatus.unpinError | TrackerStatus.pinned), failed)
      // The reference fails: without its daemon it can list nothing.
      expect(recorded(name, 'all_plain_peer1_local')).toEqual([500, []])
      await three.reaches(() => three.listed(1, cidOf(key), TrackerStatus.undefined, { local: true }), failed)
    }
    expect(recorded(name, 'A_local_peer1')['peer1']?.[0]).toBe('unpinning')
  })

  it('what is not in the pinset cannot be recovered', async () => {
    const { statuses } = three.peer(0).cluster
    const answer = three.shown(await statuses.recover(cidOf('A'), {}))
    expect(comparable(answer)).toEqual(comparable(recorded('kubo-down-recover-unpinned', 'A')))
    const [[code, [{ message }]]] = recordedValue('kubo-down-recover-unpinned', 'local') as readonly [
      readonly [number, readonly [{ readonly message: string }]]
    ]
    expect(code).toBe(404)
    await expect(statuses.recover(cidOf('A'), { local: true })).rejects.toMatchObject({
      code: 'NOT_IN_PINSET',
      message
    })
    const [again] = recordedValue('recover-unpin_error-local', 'A') as readonly [{ readonly message: string }]
    const atItsPeer = three.peer(1).cluster.statuses.recover(cidOf('A'), { local: true })
    await expect(atItsPeer).rejects.toMatchObject({ code: 'NOT_IN_PINSET', message: again.message })
    const left = Object.values(
      recordedValue('recover-unpin_error-after', 'filter_unpin_error') as Readonly<Record<string, Statuses>>
    )
    for (const statuses of left)
      await three.reaches(() => three.listed(0, cidOf('A'), TrackerStatus.unpinError), statuses)
  })

  it('it comes back: what it has is seen, what failed is done, by itself or when told to', async () => {
    await three.kubo(1).open(port)
    await three.reaches(() => three.status(0, cidOf('C')), recorded('kubo-back', 'C'))
    const recovered = recordedValue('kubo-back-recover', 'items') as Readonly<Record<string, Statuses>>
    // Of the three items two are direct pins, which the reference takes for lost each time.
    const [failed, ...others] = Object.values(recovered).filter((statuses) => Object.keys(statuses).join() === 'peer1')
    expect([failed?.['peer1'], others]).toEqual([['pin_queued', '', 1, true], []])
    await three.until(async () => {
      const items = (await Array.fromAsync(three.peer(0).cluster.statuses.recoverAll({}))).flat()
      for (const info of items) expect(Object.keys(three.shown(info))).toEqual(['peer1'])
      expect(comparable(await three.status(0, cidOf('new')))).toEqual(comparable(EVERYWHERE))
    })
    const after = recorded('kubo-back-after', 'new')
    expect([after['peer0'], after['peer1']?.[0]]).toEqual([EVERYWHERE['peer0'], 'pinning'])
    // In the reference they stay in error, and at the daemon, for ever.
    for (const name of ['kubo-back', 'kubo-back-after', 'recover-unpin_error-after']) {
      expect(recordedValue(name, 'kubo1_has_A') as string).toMatch(/recursive$/)
      expect(Object.keys(recorded(name, 'filter_unpin_error'))).toHaveLength(2)
    }
    for (const key of ['A', 'B']) {
      await three.reaches(() => three.listed(0, cidOf(key)), {})
      expect(three.kubo(1).pins.has(cidOf(key).toString())).toBe(false)
    }
  })
})
