import { ClusterError, comparePinsetOrder, pinOf, pinsetKey, TrackerStatus } from '@cluster/api'
import { settle } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { memoryScratch } from './memory-scratch.fixture.ts'
import { all, cidOf, cids, expire, named, peersOfTest, shown } from './peers.fixture.ts'

const start = peersOfTest()

describe('statuses of several peers', () => {
  it('CS-6, CS-7: shows who a lost peer was, until it is no member any more', async () => {
    const cluster = await start(3)
    const { core } = cluster.peer(0)
    const cid = await cidOf('named')
    await core.pins.pin(pinOf(cid, { name: 'named' }), {})
    await cluster.settle()
    await cluster.kill(1)
    for (const info of [await core.statuses.status(cid, {}), ...(await all(core, 0))]) {
      expect(info.name).toBe('named')
      expect(shown(info)).toEqual({ peer_0: 'pinned', peer_1: 'cluster_error', peer_2: 'pinned' })
      const lost = info.peerMap?.get(cluster.peer(1).self.toString())
      expect(lost?.error).toBe(`failed to dial: ${cluster.peer(1).self.toString()}`)
      expect(lost?.ipfsPeerId?.toString()).toBe((await cluster.peer(1).ipfs.id({})).id?.toString())
    }
    await expire(cluster)
    for (const info of [await core.statuses.status(cid, {}), ...(await all(core, 0))]) {
      expect(shown(info)).toEqual({ peer_0: 'pinned', peer_2: 'pinned' })
    }
  })

  it('shows a lost peer also where only failures are asked for', async () => {
    const cluster = await start(2)
    const { core } = cluster.peer(0)
    const cid = await cidOf('errors')
    await core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    expect(await all(core, TrackerStatus.error)).toEqual([])
    await cluster.kill(1)
    expect((await all(core, TrackerStatus.error)).map(shown)).toEqual([{ peer_1: 'cluster_error' }])
    expect((await all(core, TrackerStatus.pinning)).map(shown)).toEqual([])
  })

  it('CS-9, CS-10: recovers everywhere', async () => {
    const cluster = await start(3)
    const [bad, good] = (await cids(2)) as [CID, CID]
    for (const { ipfs } of cluster.peers) ipfs.failing.add(pinsetKey(bad))
    for (const cid of [bad, good]) await cluster.peer(0).core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    const infos = (await Array.fromAsync(cluster.peer(1).core.statuses.recoverAll({}))).flat()
    expect(infos.map(({ cid }) => cid)).toEqual([bad])
    expect(infos.map(({ peerMap }) => peerMap?.size)).toEqual([3])
    await cluster.settle()
    const { core } = cluster.peer(2)
    expect((await core.statuses.recover(bad, {})).peerMap?.size).toBe(3)
    await cluster.settle()
    const errors = [...((await core.statuses.status(bad, {})).peerMap?.values() ?? [])].map(({ error }) => error)
    expect(errors).toEqual(Array.from({ length: 3 }, () => `pinning ${bad.toString()} fails`))
    for (const { ipfs } of cluster.peers) ipfs.failing.clear()
    await core.statuses.recover(bad, {})
    await cluster.settle()
    expect(shown(await core.statuses.status(bad, {}))).toEqual({ peer_0: 'pinned', peer_1: 'pinned', peer_2: 'pinned' })
  })

  it('says that a peer recovers nothing, also where there is no item to show it at', async () => {
    const cluster = await start(3)
    const { core } = cluster.peer(0)
    expect(await Array.fromAsync(core.statuses.recoverAll({}))).toEqual([])
    await cluster.kill(2)
    await expect(Array.fromAsync(core.statuses.recoverAll({}))).rejects.toMatchObject({
      code: 'REMOTE',
      message: `nothing was recovered at some peers: ${cluster.peer(2).self.toString()}: failed to dial: ${cluster.peer(2).self.toString()}`
    })
  })

  it('CS-8: recovers at one peer', async () => {
    const cluster = await start(2)
    const [bad, good] = (await cids(2)) as [CID, CID]
    const { core, ipfs } = cluster.peer(0)
    ipfs.failing.add(pinsetKey(bad))
    for (const cid of [bad, good]) await core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    expect(shown(await core.statuses.recover(bad, { local: true }))).toEqual({ peer_0: 'pin_queued' })
    expect(shown(await core.statuses.recover(good, { local: true }))).toEqual({ peer_0: 'pinned' })
    await cluster.settle()
    expect(shown(await core.statuses.status(bad, {}))).toEqual({ peer_0: 'pin_error', peer_1: 'pinned' })
  })

  it('says of each peer why it failed, of one pin and of all', async () => {
    const cluster = await start(3)
    const [bad] = (await cids(1)) as [CID]
    for (const index of [0, 2]) cluster.peer(index).ipfs.failing.add(pinsetKey(bad))
    await cluster.peer(1).core.pins.pin(pinOf(bad), {})
    await cluster.settle()
    const { statuses } = cluster.peer(1).core
    const [listed] = (await Array.fromAsync(statuses.statusAll(TrackerStatus.pinError, {}))).flat()
    const one = await statuses.status(bad, {})
    const reasons = (info: typeof listed) => [...(info?.peerMap?.values() ?? [])].flatMap(({ reason }) => reason ?? [])
    expect([reasons(one), reasons(listed)]).toEqual([
      ['failed', 'failed'],
      ['failed', 'failed']
    ])
  })

  it('says that a CID outside the pinset is unpinned everywhere, without asking', async () => {
    const cluster = await start(2)
    const cid = await cidOf('unknown')
    const { core } = cluster.peer(0)
    cluster.rpc.calls.length = 0
    expect(shown(await core.statuses.status(cid, {}))).toEqual({ peer_0: 'unpinned', peer_1: 'unpinned' })
    expect(shown(await core.statuses.recover(cid, {}))).toEqual({ peer_0: 'unpinned', peer_1: 'unpinned' })
    expect(cluster.rpc.calls).toEqual([])
    await expect(core.statuses.recover(cid, { local: true })).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
  })

  it('a follower drops alerts, and speaks of itself only (CS-29)', async () => {
    const cluster = await start(3, {}, {}, (index) => ({ followerMode: index === 2 }))
    const { core } = cluster.peer(2)
    const cid = await cidOf('followed')
    await cluster.peer(0).core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    expect(shown(await core.statuses.status(cid, {}))).toEqual({ peer_2: 'pinned' })
    expect((await all(core, 0)).map(shown)).toEqual([{ peer_2: 'pinned' }])
    await cluster.kill(1)
    await expire(cluster)
    expect(core.health.alerts()).toEqual([])
  })

  it('fails a listing only when nobody answers', async () => {
    const cluster = await start(2)
    const { core, tracker } = cluster.peer(0)
    await core.pins.pin(pinOf(await cidOf('listed')), {})
    await cluster.settle()
    tracker.statusAll = async function* () {
      yield await Promise.reject(new ClusterError('IPFS', 'could not get pinset from IPFS: refused'))
    }
    expect((await all(core, 0)).map(shown)).toEqual([{ peer_0: 'cluster_error', peer_1: 'pinned' }])
    cluster.rpc.fate = () => 'lost'
    await expect(all(core, 0)).rejects.toThrow('could not get pinset from IPFS: refused')
  })

  it('merges peers that answer in any order, and pages through the result', async () => {
    const cluster = await start(3, {}, { ordered: false })
    const everything = (await cids(40)).sort(comparePinsetOrder)
    for (const cid of everything) await cluster.peer(0).core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    const { tracker } = cluster.peer(1)
    const inOrder = tracker.statusAll.bind(tracker)
    tracker.statusAll = async function* (filter, options) {
      yield* (await Array.fromAsync(inOrder(filter, options))).reverse()
    }
    const { core } = cluster.peer(0)
    expect((await all(core, 0)).map(({ cid, peerMap }) => [cid, peerMap?.size])).toEqual(
      everything.map((cid) => [cid, 3])
    )
    const found: CID[] = []
    for (;;) {
      const after = found.at(-1)
      const page = (await Array.fromAsync(core.statuses.statusAll(0, { after, limit: 7 }))).flat()
      if (page.length === 0) break
      expect(page.length).toBeLessThanOrEqual(7)
      found.push(...page.map(({ cid }) => cid))
    }
    expect(found).toEqual(everything)
  })

  it('sorts the answers of peers of the reference on disk, and asks them once', async () => {
    const scratch = memoryScratch()
    const cluster = await start(3, {}, { ordered: false }, undefined, undefined, scratch)
    const everything = (await cids(40)).sort(comparePinsetOrder)
    for (const cid of everything) await cluster.peer(0).core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    cluster.rpc.calls.length = 0
    const infos = await all(cluster.peer(0).core, 0)
    expect(infos.map(({ cid, peerMap }) => [cid, peerMap?.size])).toEqual(everything.map((cid) => [cid, 3]))
    expect(cluster.rpc.calls.map(({ method }) => method)).toEqual(['PinTracker.StatusAll', 'PinTracker.StatusAll'])
    expect(scratch.open()).toBe(0)
  })

  it('breaks a listing off without leaving anything behind', async () => {
    const cluster = await start(3)
    for (const cid of await cids(10)) await cluster.peer(0).core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    const before = cluster.clock.pending
    for await (const page of cluster.peer(0).core.statuses.statusAll(0, {})) {
      expect(page.length).toBeGreaterThan(0)
      break
    }
    await settle()
    expect(cluster.clock.pending).toBe(before)
    const impatient = new AbortController()
    cluster.rpc.fate = () => 'hangs'
    const listing = Array.fromAsync(cluster.peer(0).core.statuses.statusAll(0, { signal: impatient.signal }))
    await settle()
    impatient.abort()
    await expect(listing).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('takes from a peer only what it says of itself, and of what it was asked', async () => {
    const cluster = await start(3)
    const [cid, other] = (await cids(2)) as [CID, CID]
    for (const each of [cid, other]) await cluster.peer(0).core.pins.pin(pinOf(each), {})
    await cluster.settle()
    const [{ core }, liar, confused] = [cluster.peer(0), cluster.peer(1), cluster.peer(2)]
    const { 'PinTracker.Status': status } = liar.core.handlers
    if (status === undefined) throw new Error('no handler')
    cluster.rpc.register(liar.self, {
      ...liar.core.handlers,
      'PinTracker.Status': async (asked, call) => ({ ...(await status(asked, call)), peer: cluster.peer(0).self }),
      'Cluster.IDStream': async function* (_, call) {
        yield { ...(await liar.core.members.id(call)), id: confused.self }
      }
    })
    cluster.rpc.register(confused.self, {
      ...confused.core.handlers,
      'PinTracker.Status': (_, call) => status(other, call)
    })
    const info = await core.statuses.status(cid, {})
    expect(shown(info)).toEqual({ peer_0: 'pinned', peer_1: 'cluster_error', peer_2: 'cluster_error' })
    expect(info.peerMap?.get(liar.self.toString())?.error).toContain('a status in the name of')
    const ids = await Array.fromAsync(core.members.peers({}))
    expect(ids.filter(({ error }) => error !== '').map(({ id }) => named(cluster, [id])[0])).toEqual(['peer_1'])
  })

  it('gives up on a peer that falls silent in the middle of a listing', async () => {
    const cluster = await start(2)
    await cluster.peer(0).core.pins.pin(pinOf(await cidOf('silent')), {})
    await cluster.settle()
    cluster.rpc.fate = () => 'hangs'
    const listing = all(cluster.peer(0).core, 0)
    await cluster.pass(15_000)
    expect((await listing).map(shown)).toEqual([{ peer_0: 'pinned', peer_1: 'cluster_error' }])
  })
})
