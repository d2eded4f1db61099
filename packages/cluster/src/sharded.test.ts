import { encode } from '@ipld/dag-cbor'
import { pinOf, PinType, trackerStatusToString, type Pin } from '@cluster/api'
import { MemoryCluster, type MemoryCollaborators } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCluster, DEFAULT_CLUSTER_CONFIG, type Core } from './index.ts'

const RAW = 0x55
const DAG_CBOR = 0x71
const blockOf = async (text: string): Promise<CID> => CID.createV1(RAW, await sha256.digest(Buffer.from(text)))
const nodeOf = async (links: readonly CID[]): Promise<{ cid: CID; bytes: Uint8Array }> => {
  const bytes = encode(Object.fromEntries(links.map((link, index) => [index.toString(), link])))
  return { bytes, cid: CID.createV1(DAG_CBOR, await sha256.digest(bytes)) }
}

let cluster: MemoryCluster<Core>
beforeEach(async () => {
  const make = (core: MemoryCollaborators): Core => createCluster(core, DEFAULT_CLUSTER_CONFIG)
  cluster = new MemoryCluster(make, { peers: 2 })
  await cluster.start()
})
afterEach(async () => {
  await cluster.stop()
})

/** Pins content of a name in shards, as the adder does. */
const shard = async (name: string, shards: readonly CID[]): Promise<{ root: CID; dag: CID }> => {
  const { core, ipfs } = cluster.peer(0)
  const root = await blockOf(name)
  const { cid: dag, bytes } = await nodeOf(shards)
  ipfs.putBlock(dag, bytes)
  const pins: Pin[] = [
    ...shards.map((cid) => ({ ...pinOf(cid, factors), type: PinType.shard, maxDepth: 1 })),
    { ...pinOf(dag), type: PinType.clusterDag, maxDepth: 0, reference: root },
    { ...pinOf(root, factors), type: PinType.meta, maxDepth: 0, reference: dag }
  ]
  for (const pin of pins) await core.pins.pin(pin, {})
  await cluster.settle()
  return { root, dag }
}
const factors = { replicationFactorMin: 1, replicationFactorMax: 1 }
const pinned = async (): Promise<string[]> =>
  (await Array.fromAsync(cluster.peer(0).core.pins.list({}))).flat().map(({ cid }) => cid.toString())

describe('sharded content', () => {
  it('CL-9, CL-10: keeps its parts while its root is pinned', async () => {
    const part = await blockOf('part')
    const { dag } = await shard('content', [part])
    const { pins } = cluster.peer(0).core
    await expect(pins.unpin(dag, {})).rejects.toMatchObject({
      code: 'BAD_PIN',
      message: 'cannot unpin a Cluster DAG directly. Unpin content root CID instead'
    })
    await expect(pins.unpin(part, {})).rejects.toThrow('cannot unpin a shard directly. Unpin content root CID instead')
  })

  it('CL-11: goes with its root, without shards that others share', async () => {
    const [own, shared] = [await blockOf('own'), await blockOf('shared')]
    const first = await shard('first', [own, shared])
    const second = await shard('second', [shared])
    const { core, ipfs } = cluster.peer(0)
    expect((await core.pins.unpin(first.root, {})).type).toBe(PinType.meta)
    await cluster.settle()
    expect((await pinned()).sort()).toEqual([shared, second.dag, second.root].map(String).sort())
    expect(await ipfs.pinLsCid(pinOf(own), {})).toBe(5)
    await core.pins.unpin(second.root, {})
    expect(await pinned()).toEqual([])
  })

  it('cannot be unpinned while its list of shards is out of reach or broken', async () => {
    const { root, dag } = await shard('content', [await blockOf('part')])
    const { core, ipfs } = cluster.peer(0)
    ipfs.putBlock(dag, new Uint8Array([0xff]))
    await expect(core.pins.unpin(root, {})).rejects.toThrow('error parsing clusterDAG block: ')
    ipfs.state = 'down'
    await expect(core.pins.unpin(root, {})).rejects.toThrow(
      'error reading clusterDAG block from ipfs: connection refused'
    )
    cluster.pinset.apply([{ type: 'unpin', cid: dag }])
    await expect(core.pins.unpin(root, {})).rejects.toThrow(
      'could not get clusterDAG pin from state. Malformed pin?: pin is not part of the pinset'
    )
  })

  it('shows its root as sharded at all members', async () => {
    const { root } = await shard('content', [await blockOf('part')])
    const { core } = cluster.peer(1)
    const all = (await Array.fromAsync(core.statuses.statusAll(0, {}))).flat()
    for (const info of [
      await core.statuses.status(root, {}),
      await core.statuses.recover(root, {}),
      all.find(({ cid }) => cid.equals(root))
    ]) {
      expect([...(info?.peerMap?.values() ?? [])].map(({ status }) => trackerStatusToString(status))).toEqual([
        'sharded',
        'sharded'
      ])
    }
    const local = await cluster.peer(0).core.statuses.recover(root, { local: true })
    expect([...(local.peerMap?.values() ?? [])].map(({ status }) => trackerStatusToString(status))).toEqual(['sharded'])
  })

  it('does not let a pin change its kind, but lets a pin of no kind go', async () => {
    const { root } = await shard('content', [await blockOf('part')])
    const { core } = cluster.peer(0)
    await expect(core.pins.pin(pinOf(root), {})).rejects.toThrow('New: pin. Was: meta-pin')
    const stray = await blockOf('stray')
    cluster.pinset.apply([{ type: 'pin', pin: { ...pinOf(stray), type: PinType.bad } }])
    await core.pins.unpin(stray, {})
    expect(await pinned()).not.toContain(stray.toString())
  })
})
