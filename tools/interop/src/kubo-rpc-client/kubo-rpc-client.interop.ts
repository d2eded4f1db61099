import { freePort } from '@cluster/processes'
import { findKubo, KuboDaemon } from '@cluster/testing'
import { create, type KuboRPCClient } from 'kubo-rpc-client'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LonePeer } from '../lone-peer.ts'

const file = await findKubo()
if (file === undefined) {
  process.stderr.write(
    '\n*** SKIPPED: kubo-rpc-client through the proxy, since there is no program "ipfs" on the PATH ***\n\n'
  )
}

describe.skipIf(file === undefined)('kubo-rpc-client', () => {
  let kubo: KuboDaemon
  let peer: LonePeer
  let client: KuboRPCClient

  beforeAll(async () => {
    kubo = await KuboDaemon.start(file ?? '')
    const port = await freePort(0)
    peer = await LonePeer.start(
      {
        CLUSTER_IPFSPROXY_LISTENMULTIADDRESS: `/ip4/127.0.0.1/tcp/${port}`,
        CLUSTER_IPFSPROXY_NODEMULTIADDRESS: kubo.api,
        CLUSTER_IPFSHTTP_NODEMULTIADDRESS: kubo.api
      },
      ['--ipfs', 'ipfshttp']
    )
    client = create({ url: `http://127.0.0.1:${port}/api/v0` })
  })
  afterAll(async () => {
    await peer[Symbol.asyncDispose]()
    await kubo[Symbol.asyncDispose]()
  })

  const pins = async (options = {}) =>
    (await Array.fromAsync(client.pin.ls(options))).map(({ cid, type }) => [cid.toString(), type] as const)

  it('add, cat, addAll, with directories and progress', async () => {
    const { cid, size } = await client.add('hello')
    expect([cid.toString(), size]).toEqual(['QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX', 13])
    expect(Buffer.concat(await Array.fromAsync(client.cat(cid))).toString()).toBe('hello')
    let told = 0
    const entries = [
      { path: 'd/a.txt', content: 'a' },
      { path: 'd/ü.txt', content: 'b' }
    ]
    const options = { wrapWithDirectory: true, progress: () => (told += 1), pin: false }
    const added = await Array.fromAsync(client.addAll(entries, options))
    expect(added.map(({ path }) => path)).toEqual(['d/a.txt', 'd/ü.txt', 'd', ''])
    expect(told).toBeGreaterThan(0)
    expect(await pins()).toEqual([[cid.toString(), 'recursive']])
  })

  it('add: an error is one, and only-hash adds nothing', async () => {
    await expect(client.add('x', { chunker: 'foo' })).rejects.toThrow('unrecognized chunker option: foo')
    await expect(client.add('x', { onlyHash: true })).rejects.toThrow('only-hash is not supported')
  })

  it('pin.add, addAll, ls with paths, types and names, update, rm, rmAll', async () => {
    const [one, two] = await Promise.all(['one', 'two'].map((text) => client.add(text, { pin: false })))
    if (one === undefined || two === undefined) throw new Error('nothing was added')
    expect((await client.pin.add(one.cid, { name: 'first' })).toString()).toBe(one.cid.toString())
    const all = await Array.fromAsync(client.pin.addAll([{ cid: two.cid, recursive: false }]))
    expect(all.map(String)).toEqual([two.cid.toString()])
    expect(await pins({ type: 'direct' })).toEqual([[two.cid.toString(), 'direct']])
    expect(await pins({ paths: [one.cid, two.cid] })).toHaveLength(2)
    const named = await Array.fromAsync(client.pin.ls({ paths: one.cid, names: true }))
    expect(named).toMatchObject([{ name: 'first' }])
    await client.pin.rm(two.cid)
    await expect(client.pin.rm(two.cid)).rejects.toThrow('pin is not part of the pinset')
    await Array.fromAsync(client.pin.rmAll([{ cid: one.cid }]))
    expect(await pins({ type: 'direct' })).toEqual([])
  })

  it('block.put, dag.put and dag.get, with and without a pin', async () => {
    const block = await client.block.put(Buffer.from('block'), { pin: true })
    const node = await client.dag.put({ hello: 'dag' }, { pin: true, storeCodec: 'dag-cbor' })
    const loose = await client.dag.put({ hello: 'loose' })
    const listed = new Set((await pins()).map(([cid]) => cid))
    expect([block, node, loose].map((cid) => listed.has(cid.toString()))).toEqual([true, true, false])
    expect((await client.dag.get(CID.parse(node.toString()))).value).toEqual({ hello: 'dag' })
  })

  it('repo.stat, repo.gc, id, version, files', async () => {
    const stat = await client.repo.stat()
    expect([typeof stat.numObjects, stat.repoSize > 0n]).toEqual(['bigint', true])
    const collected = await Array.fromAsync(client.repo.gc())
    expect(collected.length).toBeGreaterThan(0)
    expect((await client.id()).id.toString()).toMatch(/^12D3Koo/)
    expect((await client.version()).version).toMatch(/^0\./)
    await client.files.write('/f', 'content', { create: true })
    expect(Buffer.concat(await Array.fromAsync(client.files.read('/f'))).toString()).toBe('content')
  })
})
