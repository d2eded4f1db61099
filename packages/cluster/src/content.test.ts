import {
  DEFAULT_ADD_PARAMS,
  pinOf,
  trackerStatusToString,
  type AddedOutput,
  type AddParams,
  type FileEntry
} from '@cluster/api'
import { MemoryCluster, type MemoryCollaborators } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, it } from 'vitest'
import { createCluster, DEFAULT_CLUSTER_CONFIG, type ClusterConfig, type Core } from './index.ts'

const clusters: MemoryCluster<Core>[] = []
const start = async (config: Partial<ClusterConfig> = {}, peers = 3): Promise<MemoryCluster<Core>> => {
  const make = (core: MemoryCollaborators): Core => createCluster(core, { ...DEFAULT_CLUSTER_CONFIG, ...config })
  const cluster = new MemoryCluster(make, { peers })
  clusters.push(cluster)
  await cluster.start()
  return cluster
}
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const TEXT = Buffer.from('some content')
async function* file(): AsyncGenerator<FileEntry> {
  async function* content(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(TEXT)
  }
  yield await Promise.resolve({ type: 'file', path: 'a', content: content() } as const)
}
const add = async (core: Core, params: Partial<AddParams>): Promise<{ events: AddedOutput[]; root: CID }> => {
  const events: AddedOutput[] = []
  const adding = core.content.add(file(), { ...DEFAULT_ADD_PARAMS, ...params }, {})
  for (;;) {
    const next = await adding.next()
    if (next.done === true) return { events, root: next.value }
    events.push(next.value)
  }
}
const statuses = async (cluster: MemoryCluster<Core>, cid: CID): Promise<Record<string, string>> => {
  await cluster.settle()
  const { peerMap } = await cluster.peer(0).core.statuses.status(cid, {})
  return Object.fromEntries(
    [...(peerMap?.values() ?? [])].map(({ peername, status }) => [peername, trackerStatusToString(status)])
  )
}

describe('adding', () => {
  it('AD-1: stores the blocks at all peers, and pins them', async () => {
    const cluster = await start()
    const { root } = await add(cluster.peer(0).core, {})
    expect(root.equals(CID.createV1(0x55, await sha256.digest(TEXT)))).toBe(true)
    for (const { ipfs } of cluster.peers) expect(await ipfs.blockGet(root, {})).toEqual(new Uint8Array(TEXT))
    expect(await statuses(cluster, root)).toEqual({ peer_0: 'pinned', peer_1: 'pinned', peer_2: 'pinned' })
  })

  it('AD-3: prefers the peers that were asked for, and streams to them only', async () => {
    const cluster = await start()
    const userAllocations = [cluster.peer(1).self, cluster.peer(2).self]
    const params = { userAllocations, replicationFactorMin: 2, replicationFactorMax: 2 }
    const { root, events } = await add(cluster.peer(0).core, params)
    expect(events.map(({ allocations }) => allocations)).toEqual([userAllocations])
    await expect(cluster.peer(0).ipfs.blockGet(root, {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await statuses(cluster, root)).toEqual({ peer_0: 'remote', peer_1: 'pinned', peer_2: 'pinned' })
    const streams = cluster.rpc.calls.filter(({ method }) => method === 'IPFSConnector.BlockStream')
    expect(streams.map(({ to }) => to)).toEqual(userAllocations)
  })

  it('allocates blocks without regard to a pin that has the CID of one', async () => {
    const cluster = await start()
    const { core, self } = cluster.peer(0)
    const factors = { replicationFactorMin: 1, replicationFactorMax: 1 }
    const cid = CID.createV1(0x55, await sha256.digest(TEXT))
    await core.pins.pin({ ...pinOf(cid, factors), allocations: [cluster.peer(1).self] }, {})
    const { events } = await add(core, factors)
    expect(events.map(({ allocations }) => allocations)).toEqual([[self]])
  })

  it('CS-28: is refused by a follower, before anything is read', async () => {
    const cluster = await start({ followerMode: true })
    await expect(add(cluster.peer(0).core, {})).rejects.toMatchObject({ code: 'FOLLOWER' })
  })

  it('fails when a receiver fails', async () => {
    const cluster = await start()
    cluster.peer(1).ipfs.state = 'down'
    await expect(add(cluster.peer(0).core, {})).rejects.toMatchObject({ code: 'REMOTE', message: 'connection refused' })
  })

  it('leaves the copies of content that is added again where they are, unless too few are left', async () => {
    const cluster = await start({}, 4)
    const { core } = cluster.peer(0)
    const held = { replicationFactorMin: 2, replicationFactorMax: 2 }
    const names = async (): Promise<string[]> => {
      const [pin] = (await Array.fromAsync(core.pins.list({}))).flat()
      return (pin?.allocations ?? []).map(
        (peer) => cluster.peers.find(({ self }) => self.equals(peer))?.peername ?? '?'
      )
    }
    await add(core, held)
    expect(await names()).toEqual(['peer_0', 'peer_1'])
    await add(core, { ...held, userAllocations: [2, 3].map((index) => cluster.peer(index).self) })
    expect(await names()).toEqual(['peer_0', 'peer_1'])
    await cluster.kill(1)
    await cluster.pass(31_000)
    await add(core, { ...held, userAllocations: [cluster.peer(3).self] })
    expect(await names()).toEqual(['peer_0', 'peer_3'])
  })

  it('tells who would get the blocks, by the rules of pins', async () => {
    const { content } = (await start()).peer(0).core
    const { replicationFactorMin, replicationFactorMax, ...rest } = DEFAULT_ADD_PARAMS
    expect(replicationFactorMin + replicationFactorMax).toBe(0)
    const wanted = (min: number, max: number): Promise<readonly unknown[]> =>
      content.allocate({ ...rest, replicationFactorMin: min, replicationFactorMax: max })
    expect(await wanted(-1, -1)).toHaveLength(3)
    expect(await wanted(1, 2)).toHaveLength(2)
    await expect(wanted(2, 1)).rejects.toThrow('cluster.replication_factor_min is larger than max')
  })
})
