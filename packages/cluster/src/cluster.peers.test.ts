import {
  ClusterError,
  comparePinsetOrder,
  pinOf,
  pinsetKey,
  timestampFromMs,
  TrackerStatus,
  trackerStatusToString,
  type GlobalPinInfo,
  type Pin
} from '@cluster/api'
import { MemoryCluster, settle, type MemoryCollaborators, type MemoryClusterOptions } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, it } from 'vitest'
import { closestAmong } from './distance.ts'
import { createCluster, DEFAULT_CLUSTER_CONFIG, type ClusterConfig, type Core } from './index.ts'

const RAW = 0x55
const cidOf = async (text: string): Promise<CID> => CID.createV1(RAW, await sha256.digest(Buffer.from(text)))
const cids = async (count: number): Promise<CID[]> =>
  await Promise.all(Array.from({ length: count }, (_, index) => cidOf(`content ${index}`)))

/** Longer than metrics are valid: after it a peer that is gone is no member any more. */
const EXPIRY_MS = 31_000

const clusters: MemoryCluster<Core>[] = []
const start = async (
  peers: number,
  config: Partial<ClusterConfig> = {},
  options: Partial<MemoryClusterOptions> = {},
  configOf: (index: number) => Partial<ClusterConfig> = () => ({})
): Promise<MemoryCluster<Core>> => {
  const make = (core: MemoryCollaborators, index: number): Core =>
    createCluster(core, { ...DEFAULT_CLUSTER_CONFIG, ...config, ...configOf(index) })
  const cluster = new MemoryCluster(make, { ...options, peers })
  clusters.push(cluster)
  await cluster.start()
  return cluster
}
/** Time until a peer that is gone has expired everywhere, and its alerts are handled. */
const expire = async (cluster: MemoryCluster<Core>): Promise<void> => {
  await cluster.pass(EXPIRY_MS)
  for (const { monitor } of cluster.peers) monitor.check()
  await cluster.settle()
}

const named = (cluster: MemoryCluster<Core>, peers: readonly { toString(): string }[] | undefined): string[] =>
  (peers ?? []).map((peer) => cluster.peers.find(({ self }) => self.toString() === peer.toString())?.peername ?? '?')
const shown = (info: GlobalPinInfo): Record<string, string> =>
  Object.fromEntries(
    [...(info.peerMap ?? [])]
      .map(([, { peername, status }]) => [peername, trackerStatusToString(status)])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  ) as Record<string, string>
const factors = (min: number, max: number): Pick<Pin, 'replicationFactorMin' | 'replicationFactorMax'> => ({
  replicationFactorMin: min,
  replicationFactorMax: max
})

afterEach(async () => {
  for (const cluster of clusters.splice(0)) {
    await cluster.stop()
    await settle()
    expect(cluster.clock.pending).toBe(0)
  }
})

describe('several peers', () => {
  it('CS-2: each sees all, as they describe themselves', async () => {
    const cluster = await start(3)
    for (const { core } of cluster.peers) {
      const ids = await Array.fromAsync(core.members.peers({}))
      expect(
        named(
          cluster,
          ids.map(({ id }) => id)
        ).sort()
      ).toEqual(['peer_0', 'peer_1', 'peer_2'])
      for (const { id, error, ipfs } of ids) {
        const peer = cluster.peers.find(({ self }) => self.equals(id))
        expect([error, ipfs]).toEqual(['', await peer?.ipfs.id({})])
      }
    }
  })

  it('shows a peer that cannot be asked with its error, and leaves out one that refuses', async () => {
    const cluster = await start(4)
    cluster.rpc.fate = (_, to) =>
      to.equals(cluster.peer(1).self) ? 'lost' : to.equals(cluster.peer(2).self) ? 'refused' : 'hangs'
    const listing = Array.fromAsync(cluster.peer(0).core.members.peers({}))
    await cluster.pass(15_000)
    const ids = await listing
    expect(Object.fromEntries(ids.map(({ id, error }) => [named(cluster, [id])[0], error]))).toEqual({
      peer_0: '',
      peer_1: `failed to dial: ${cluster.peer(1).self.toString()}`,
      peer_3: 'context deadline exceeded'
    })
  })

  it('CS-3: pins and unpins through any peer', async () => {
    const cluster = await start(3)
    const all = await cids(100)
    await Promise.all(all.map((cid, index) => cluster.peer(index % 3).core.pins.pin(pinOf(cid), {})))
    await cluster.settle()
    for (const { core } of cluster.peers) {
      const infos = (await Array.fromAsync(core.statuses.statusAll(0, {}))).flat()
      expect(infos.map(({ cid }) => cid)).toEqual(all.toSorted(comparePinsetOrder))
      for (const info of infos) expect(shown(info)).toEqual({ peer_0: 'pinned', peer_1: 'pinned', peer_2: 'pinned' })
    }
    await Promise.all(all.map((cid, index) => cluster.peer(index % 3).core.pins.unpin(cid, {})))
    await cluster.settle()
    for (const cid of all) await expect(cluster.peer(1).core.pins.unpin(cid, {})).rejects.toThrow()
    for (const { core } of cluster.peers) expect(await Array.fromAsync(core.statuses.statusAll(0, {}))).toEqual([])
  })

  it('CS-4: updates a pin', async () => {
    const cluster = await start(2)
    const { core, clock } = cluster.peer(0)
    const [from, to] = (await cids(2)) as [CID, CID]
    await expect(core.pins.pin(pinOf(to, { pinUpdate: from }), {})).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
    await core.pins.pin(pinOf(from, { name: 'old' }), {})
    const expireAt = timestampFromMs(clock.nowMs() + 31_536_000_000)
    const userAllocations = [cluster.peer(1).self]
    await core.pins.pin(pinOf(to, { pinUpdate: from, name: 'new', expireAt, userAllocations }), {})
    const pin = await core.pins.get(to, {})
    expect([pin.name, pin.allocations, pin.maxDepth, pin.userAllocations]).toEqual(['new', [], -1, undefined])
    expect(pin.expireAt).toBe((expireAt / 1_000_000_000n) * 1_000_000_000n)
    expect((await core.pins.get(from, {})).name).toBe('old')
  })

  it('CS-5: turns a direct pin recursive, never back', async () => {
    const cluster = await start(2)
    const { core } = cluster.peer(0)
    const cid = await cidOf('direct')
    await core.pins.pin(pinOf(cid, { mode: 1 }), {})
    expect((await core.pins.get(cid, {})).maxDepth).toBe(0)
    await core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    expect((await core.pins.get(cid, {})).maxDepth).toBe(-1)
    expect(shown(await core.statuses.status(cid, {}))).toEqual({ peer_0: 'pinned', peer_1: 'pinned' })
    await expect(core.pins.pin(pinOf(cid, { mode: 1 }), {})).rejects.toThrow(
      'cannot repin a CID which is already pinned in recursive mode (new pin is pinned as direct). Unpin it first.'
    )
  })

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

  it('CS-12: N−1 of N hold each pin', async () => {
    const cluster = await start(4, factors(3, 3))
    for (const [index, cid] of (await cids(4)).entries()) await cluster.peer(index).core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    for (const { core } of cluster.peers) {
      for (const info of await all(core, 0)) {
        expect(Object.values(shown(info)).sort()).toEqual(['pinned', 'pinned', 'pinned', 'remote'])
        for (const [peer, { status }] of info.peerMap ?? []) {
          const isHolder = info.allocations?.some((holder) => holder.toString() === peer)
          expect(status === TrackerStatus.pinned).toBe(isHolder)
        }
        expect(shown(await core.statuses.status(info.cid, {}))).toEqual(shown(info))
      }
    }
  })

  it('CS-13, CS-14: allocates up to the maximum, and drops holders above it', async () => {
    const cluster = await start(4)
    const { core } = cluster.peer(0)
    const cid = await cidOf('between')
    const pin = await core.pins.pin(pinOf(cid, factors(1, 3)), {})
    expect(named(cluster, pin.allocations)).toEqual(['peer_0', 'peer_1', 'peer_2'])
    expect(pin).toMatchObject(factors(1, 3))
    expect((await core.pins.pin(pinOf(cid, factors(1, 2)), {})).allocations).toHaveLength(2)
  })

  it('CS-15, CS-16, CS-20: allocates what is there, and no less than the minimum', async () => {
    const cluster = await start(4)
    await cluster.kill(2)
    await cluster.kill(3)
    await expire(cluster)
    const { core } = cluster.peer(0)
    const [first, second] = (await cids(2)) as [CID, CID]
    const pin = await core.pins.pin(pinOf(first, factors(1, 4)), {})
    expect([named(cluster, pin.allocations), pin.replicationFactorMax]).toEqual([['peer_0', 'peer_1'], 4])
    await expect(core.pins.pin(pinOf(second, factors(3, 4)), {})).rejects.toMatchObject({
      code: 'NOT_ENOUGH_PEERS',
      message:
        'not enough peers to allocate CID. Needed at least: 3. Wanted at most: 4. Available candidates: 2. See logs for more info.'
    })
  })

  it('CS-17 to CS-19: keeps holders that are down while enough live, and replaces them else', async () => {
    const cluster = await start(5)
    const { core } = cluster.peer(0)
    const [loose, tight] = (await cids(2)) as [CID, CID]
    await core.pins.pin(pinOf(loose, factors(1, 5)), {})
    await core.pins.pin(pinOf(tight, factors(3, 3)), {})
    await cluster.kill(1)
    await expire(cluster)
    expect((await core.pins.pin(pinOf(loose, factors(1, 5)), {})).allocations).toHaveLength(5)
    const again = await core.pins.pin(pinOf(tight, { ...factors(3, 3), name: 'again' }), {})
    expect(named(cluster, again.allocations)).toEqual(['peer_0', 'peer_2', 'peer_3'].sort(byBytes(cluster)))
  })

  it('CS-21: gives the pins of a lost peer other holders, by the closest peer, when repinning is on', async () => {
    const cluster = await start(4, { disableRepinning: false })
    const all = await cids(20)
    for (const cid of all) await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.settle()
    const selves = cluster.peers.map(({ self }) => self)
    await cluster.kill(1)
    await expire(cluster)
    for (const cid of all) {
      const { allocations } = await cluster.peer(0).core.pins.get(cid, {})
      expect(named(cluster, allocations)).toEqual(['peer_0', 'peer_2'])
      expect(shown(await cluster.peer(0).core.statuses.status(cid, {}))).toEqual({
        peer_0: 'pinned',
        peer_2: 'pinned',
        peer_3: 'remote'
      })
      const living = selves.filter((_, index) => index !== 1)
      const closest = living.filter((self) => closestAmong(self, living)(cid))
      const acted = cluster.peers.filter(({ lines }) =>
        lines.some(({ text, fields }) => text === 'a pin was given other holders' && isOf(fields, cid))
      )
      expect(acted.map(({ self }) => self)).toEqual(closest)
    }
  })

  it('replaces a holder of a pin that follows up another, whatever became of that', async () => {
    const cluster = await start(4, { disableRepinning: false })
    const [from, to] = (await cids(2)) as [CID, CID]
    const { core } = cluster.peer(0)
    await core.pins.pin(pinOf(from, factors(2, 2)), {})
    await core.pins.pin(pinOf(to, { pinUpdate: from, name: 'follow-up' }), {})
    await core.pins.unpin(from, {})
    await cluster.kill(1)
    await expire(cluster)
    const pin = await core.pins.get(to, {})
    expect([pin.name, pin.pinUpdate?.equals(from), named(cluster, pin.allocations)]).toEqual([
      'follow-up',
      true,
      ['peer_0', 'peer_2']
    ])
  })

  it('CS-24: leaves pins where they are when repinning is off', async () => {
    const cluster = await start(4)
    const cid = await cidOf('stays')
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.kill(1)
    await expire(cluster)
    expect(named(cluster, (await cluster.peer(0).core.pins.get(cid, {})).allocations)).toEqual(['peer_0', 'peer_1'])
  })

  it('CS-31, NX-6: records alerts, and goes on doing so with repinning disabled', async () => {
    const cluster = await start(4)
    await cluster.kill(1)
    await expire(cluster)
    const { core } = cluster.peer(0)
    const names = (): string[] =>
      core.health.alerts().map(({ name, peer }) => `${name} ${named(cluster, [peer])[0] ?? ''}`)
    expect(names().sort()).toEqual(['freespace peer_1', 'ping peer_1'])
    await cluster.kill(2)
    await expire(cluster)
    expect(names().slice(0, 2).sort()).toEqual(['freespace peer_2', 'ping peer_2'])
  })

  it('counts only members where the consensus keeps them in its log', async () => {
    const cluster = await start(3, {}, { consensus: { traits: { membership: 'log' } } })
    const [first, second, stranger] = cluster.peers.map(({ self }) => self)
    for (const { consensus } of cluster.peers) {
      consensus.peers = () => Promise.resolve([first, second].filter((peer) => peer !== undefined))
    }
    await cluster.pass(5_000)
    const { core, monitor } = cluster.peer(0)
    expect(monitor.latestMetrics('ping')).toHaveLength(3)
    expect(
      named(
        cluster,
        core.health.latestMetrics('ping').map(({ peer }) => peer)
      ).sort()
    ).toEqual(['peer_0', 'peer_1'])
    await cluster.pass(10_000)
    await expect(core.pins.pin(pinOf(await cidOf('log'), factors(3, 3)), {})).rejects.toThrow(
      'Available candidates: 2.'
    )
    await cluster.kill(2)
    await expire(cluster)
    expect(core.health.alerts().filter(({ peer }) => stranger?.equals(peer) === true)).toEqual([])
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

  it('CS-30, V1: takes expired pins out, each once, by the closest trusted peer', async () => {
    const cluster = await start(3)
    const all = await cids(30)
    const expireAt = timestampFromMs(cluster.clock.nowMs() + 5_000)
    for (const cid of all) await cluster.peer(0).core.pins.pin(pinOf(cid, { expireAt }), {})
    await cluster.pass(6_000)
    const selves = cluster.peers.map(({ self }) => self)
    const before = await Promise.all(cluster.peers.map(({ core }) => core.syncState({})))
    expect(before).toHaveLength(3)
    expect(await Array.fromAsync(cluster.peer(0).core.pins.list({}))).toEqual([])
    for (const { core, self } of cluster.peers) {
      const expired = core.events.since(0).flatMap((event) => (event.type === 'expired' ? [event.cid] : []))
      const expected = all.filter(closestAmong(self, selves)).sort(comparePinsetOrder)
      expect(expired.sort(comparePinsetOrder)).toEqual(expected)
    }
  })

  it('acts for members that are not trusted', async () => {
    const cluster = await start(3, {}, { consensus: { isTrusted: () => false } })
    const expireAt = timestampFromMs(cluster.clock.nowMs() + 5_000)
    for (const cid of await cids(10)) await cluster.peer(0).core.pins.pin(pinOf(cid, { expireAt }), {})
    await cluster.pass(6_000)
    await cluster.peer(1).core.syncState({})
    expect(await Array.fromAsync(cluster.peer(0).core.pins.list({}))).toEqual([])
  })

  it('drops the allocations of a pin that everybody holds, and takes those of others as they are', async () => {
    const cluster = await start(3)
    const { core } = cluster.peer(0)
    const [first, second] = (await cids(2)) as [CID, CID]
    const allocations = [cluster.peer(2).self]
    expect((await core.pins.pin({ ...pinOf(first), allocations }, {})).allocations).toEqual([])
    const preset = { ...pinOf(second, factors(1, 1)), allocations }
    expect((await core.pins.pin(preset, {})).allocations).toEqual(allocations)
  })

  it('takes expired pins out by itself as time passes', async () => {
    const cluster = await start(2)
    const expireAt = timestampFromMs(cluster.clock.nowMs() + 10_000)
    await cluster.peer(0).core.pins.pin(pinOf(await cidOf('short'), { expireAt }), {})
    await cluster.pass(DEFAULT_CLUSTER_CONFIG.stateSyncIntervalMs + 1_000)
    expect(await Array.fromAsync(cluster.peer(0).core.pins.list({}))).toEqual([])
  })

  it('CS-22, CS-23: draws the graph of connections', async () => {
    const cluster = await start(3)
    const graph = await cluster.peer(0).core.health.connectGraph({})
    expect([...(graph.idToPeername?.values() ?? [])].sort()).toEqual(['peer_0', 'peer_1', 'peer_2'])
    for (const links of graph.clusterLinks?.values() ?? []) expect(links).toHaveLength(2)
    expect([...(graph.clusterTrustLinks?.values() ?? [])]).toEqual([true, true, true])
    expect(graph.clusterToIpfs?.size).toBe(3)
    await cluster.kill(2)
    const halved = await cluster.peer(0).core.health.connectGraph({})
    expect(halved.clusterLinks?.get(cluster.peer(2).self.toString())).toEqual([])
    expect(halved.idToPeername?.get(cluster.peer(2).self.toString())).toBe('')
  })

  it('CS-25: collects garbage everywhere; a peer that cannot has its error', async () => {
    const cluster = await start(3)
    cluster.peer(1).ipfs.state = 'down'
    await cluster.kill(2)
    const { peerMap } = await cluster.peer(0).core.content.repoGC({})
    expect([...(peerMap?.values() ?? [])].map(({ peername, error }) => [peername, error]).sort()).toEqual([
      ['peer_0', ''],
      ['peer_1', 'connection refused'],
      ['peer_2', `failed to dial: ${cluster.peer(2).self.toString()}`]
    ])
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

  it('gives up on a peer that falls silent in the middle of a listing', async () => {
    const cluster = await start(2)
    await cluster.peer(0).core.pins.pin(pinOf(await cidOf('silent')), {})
    await cluster.settle()
    cluster.rpc.fate = () => 'hangs'
    const listing = all(cluster.peer(0).core, 0)
    await cluster.pass(60_000)
    expect((await listing).map(shown)).toEqual([{ peer_0: 'pinned', peer_1: 'cluster_error' }])
  })
})

const all = async (core: Core, filter: TrackerStatus): Promise<GlobalPinInfo[]> =>
  (await Array.fromAsync(core.statuses.statusAll(filter, {}))).flat()

/** Orders names of peers by the bytes of their IDs: the order in which those that stay are listed. */
const byBytes =
  (cluster: MemoryCluster<Core>) =>
  (a: string, b: string): number => {
    const bytes = (name: string): Uint8Array =>
      cluster.peers.find(({ peername }) => peername === name)?.self.toMultihash().bytes ?? new Uint8Array()
    // Holders that stay come first; the new one is the last.
    if (a === 'peer_3') return 1
    return b === 'peer_3' ? -1 : Buffer.compare(bytes(a), bytes(b))
  }

const isOf = (fields: object | undefined, cid: CID): boolean =>
  fields !== undefined && 'cid' in fields && fields.cid === cid.toString()
