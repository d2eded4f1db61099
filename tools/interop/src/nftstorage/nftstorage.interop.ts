import { readFile } from 'node:fs/promises'
import { Cluster } from '@nftstorage/ipfs-cluster'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LonePeer } from '../lone-peer.ts'

const HELLO = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
const HELLO_V0 = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
/** Of a directory with `a.txt`, the file of above, alone. */
const WRAPPED = 'bafybeicdexjwatebfhiltofxjw7xgzcjphgj2axkeneflnrmztijfru3tu'
const UNKNOWN = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'
const vectors = new URL('../../../../packages/testing/vectors/adder/', import.meta.url)

const hello = (name: string): File => new File(['hello'], name)

describe('@nftstorage/ipfs-cluster', () => {
  let peer: LonePeer
  let cluster: Cluster

  beforeAll(async () => {
    peer = await LonePeer.start({ CLUSTER_RESTAPI_BASICAUTHCREDENTIALS: 'admin:secret' })
    cluster = new Cluster(peer.restUrl, { headers: { Authorization: `Basic ${btoa('admin:secret')}` } })
  })
  afterAll(() => peer[Symbol.asyncDispose]())

  it('statusAll: nothing to list is no listing for it', async () => {
    await expect(cluster.statusAll()).rejects.toThrow('Missing response body')
  })

  it('version, info, peerList, metricNames', async () => {
    expect(await cluster.version()).toMatch(/^\d+\.\d+\.\d+/)
    const info = await cluster.info()
    expect(info).toMatchObject({ peerName: 'ours', ipfs: { id: info.id } })
    expect(await cluster.peerList()).toEqual([info])
    await vi.waitFor(async () => {
      expect(await cluster.metricNames()).toEqual(expect.arrayContaining(['freespace', 'ping']))
    })
  })

  it('add: one JSON list, of which it takes the first item', async () => {
    const added = await cluster.add(hello('a.txt'), { name: 'named', metadata: { kind: 'text' } })
    expect(added).toMatchObject({ cid: HELLO, name: 'a.txt', size: 5 })
    const pin = await cluster.allocation(HELLO)
    expect(pin).toMatchObject({ cid: HELLO, name: 'named', metadata: { kind: 'text' }, maxDepth: -1 })
    expect(await (await fetch(`${peer.gatewayUrl}ipfs/${HELLO}`)).text()).toBe('hello')
  })

  it('add: as one stream of one value', async () => {
    const options = { streamChannels: true, cidVersion: 0, rawLeaves: false } as const
    expect(await cluster.add(hello('b.txt'), options)).toMatchObject({ cid: HELLO_V0, name: 'b.txt' })
  })

  it('add: its own names of options are known', async () => {
    const added = await cluster.add(hello('a.txt'), { wrap: true, streamChannels: false })
    // The first item is the file, the last would be the directory.
    expect(added).toMatchObject({ cid: HELLO, name: 'a.txt' })
    expect((await cluster.allocation(WRAPPED)).cid).toBe(WRAPPED)
  })

  it('addDirectory', async () => {
    const added = await cluster.addDirectory([hello('a.txt')])
    expect(added.map(({ cid, name }) => [cid, name])).toEqual([
      [HELLO, 'a.txt'],
      [WRAPPED, '']
    ])
    const nested = await cluster.addDirectory([hello('docs/a.txt'), hello('docs/sub/b.txt'), hello('c.txt')])
    expect(nested.map(({ name }) => name).sort()).toEqual([
      '',
      'c.txt',
      'docs',
      'docs/a.txt',
      'docs/sub',
      'docs/sub/b.txt'
    ])
  })

  it('addCAR', async () => {
    const { cases } = JSON.parse(await readFile(new URL('car.json', vectors), 'utf8')) as {
      cases: { name: string; bodyHex: string; root: string }[]
    }
    const { bodyHex, root } = cases.find(({ name }) => name === 'car-v1-unixfs-dir') ?? expect.unreachable('recorded')
    const car = new Blob([new Uint8Array(Buffer.from(bodyHex, 'hex'))])
    expect(await cluster.addCAR(car)).toMatchObject({ cid: root })
    expect((await cluster.allocation(root)).cid).toBe(root)
  })

  it('pin with all options, and by path', async () => {
    const expireAt = new Date(Date.now() + 3_600_000)
    const { id } = await cluster.info()
    const pinned = await cluster.pin(HELLO_V0, {
      name: 'all',
      mode: 'recursive',
      replicationFactorMin: 1,
      replicationFactorMax: 1,
      shardSize: 1000,
      userAllocations: [id],
      expireAt,
      metadata: { a: 'b', 'c d': 'ü' },
      origins: ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J']
    })
    expect(pinned).toMatchObject({
      cid: HELLO_V0,
      name: 'all',
      replicationFactorMax: 1,
      metadata: { a: 'b', 'c d': 'ü' }
    })
    expect(pinned.expireAt.getTime()).toBe(expireAt.getTime())
    expect(pinned.allocations).toEqual([id])
    const path = await cluster.pin(`/ipfs/${WRAPPED}/a.txt`, { name: 'by path' })
    expect(path).toMatchObject({ cid: HELLO, name: 'by path' })
  })

  it('pin with an option of a default that contradicts it fails, as with the reference', async () => {
    await expect(cluster.pin(HELLO, { replicationFactorMin: 1 })).rejects.toThrow(/^[45]\d\d: /)
  })

  it('pin in place of another, and directly', async () => {
    expect(await cluster.pin(HELLO, { pinUpdate: HELLO_V0, name: 'updated' })).toMatchObject({ name: 'updated' })
    await cluster.unpin(HELLO)
    expect(await cluster.pin(HELLO, { mode: 'direct' })).toMatchObject({ maxDepth: 0, mode: 'direct' })
    expect(await cluster.allocation(HELLO)).toMatchObject({ maxDepth: 0, mode: 'direct' })
  })

  it('status, local or not, also of what nobody has pinned', async () => {
    const { id } = await cluster.info()
    for (const options of [{}, { local: true }]) {
      await vi.waitFor(async () => {
        const { cid, peerMap } = await cluster.status(HELLO_V0, options)
        expect({ cid, statuses: Object.values(peerMap).map(({ status }) => status) }).toEqual({
          cid: HELLO_V0,
          statuses: ['pinned']
        })
        expect(peerMap[id]).toMatchObject({ peerName: 'ours', ipfsPeerId: id })
      })
    }
    expect(Object.values((await cluster.status(UNKNOWN)).peerMap)[0]?.status).toBe('unpinned')
  })

  it('statusAll: all, by status, by CIDs', async () => {
    const all = (await cluster.statusAll()).map(({ cid }) => cid)
    expect(all).toEqual(expect.arrayContaining([HELLO, HELLO_V0, WRAPPED]))
    const local = await cluster.statusAll({ local: true, filter: ['pinned', 'pinning'] })
    expect(local.map(({ cid }) => cid).sort()).toEqual(all.sort())
    const some = await cluster.statusAll({ cids: [HELLO, UNKNOWN] })
    expect(some.map(({ cid }) => cid).sort()).toEqual([UNKNOWN, HELLO].sort())
  })

  it('recover', async () => {
    for (const options of [{}, { local: true }]) {
      const { cid, peerMap } = await cluster.recover(HELLO_V0, options)
      expect([cid, Object.keys(peerMap).length]).toEqual([HELLO_V0, 1])
    }
  })

  it('unpin, by CID and by path', async () => {
    expect(await cluster.unpin(HELLO_V0)).toMatchObject({ cid: HELLO_V0, name: 'all' })
    expect(await cluster.unpin(`/ipfs/${HELLO}`)).toMatchObject({ cid: HELLO })
    await expect(cluster.unpin(UNKNOWN)).rejects.toThrow('404: Not Found')
    await expect(cluster.allocation(HELLO)).rejects.toThrow('404: Not Found')
  })

  it('is refused with the wrong password, and its abort ends a call', async () => {
    const stranger = new Cluster(peer.restUrl, { headers: { Authorization: `Basic ${btoa('admin:wrong')}` } })
    await expect(stranger.version()).rejects.toThrow('401: Unauthorized')
    await expect(cluster.version({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
  })
})
