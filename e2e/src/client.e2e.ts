import { TrackerStatus, type AddParams, type FileEntry } from '@cluster/api'
import { ClusterClient, LIBP2P_HTTP, libp2pTransport, type PeerEvent } from '@cluster/client'
import { createPlainNode } from '@cluster/host'
import { freePort, type PeerProcess } from '@cluster/processes'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

const key = await generateKeyPair('Ed25519')
const apiId = peerIdFromPrivateKey(key).toString()
const apiAddress = `/ip4/127.0.0.1/tcp/${(await freePort(0)).toString()}`

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(text))
}

const HELLO = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
const FOLDER = 'QmeN21vwo3ukxKrHZuVK34YBKuvR8pCJevTCM5WVRVb7qE'
const RAW = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
const file = (path: string): FileEntry => ({ type: 'file', path, content: bytesOf('hello') })

describe('the client and a peer', () => {
  let cluster: TestCluster
  let peer: TestPeer
  let process: PeerProcess
  let url = ''

  beforeAll(async () => {
    cluster = await TestCluster.create()
    peer = await cluster.peer('one', newSecret(), {
      CLUSTER_RESTAPI_ID: apiId,
      CLUSTER_RESTAPI_PRIVATEKEY: Buffer.from(privateKeyToProtobuf(key)).toString('base64'),
      CLUSTER_RESTAPI_LIBP2PLISTENMULTIADDRESS: apiAddress
    })
    process = peer.start()
    await process.ready()
    url = `http://127.0.0.1:${peer.restPort.toString()}`
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('adds, waits, and is told of it by events', async () => {
    const client = new ClusterClient({ url: ['http://127.0.0.1:1', url] })
    const abort = new AbortController()
    const events = client.events({ types: ['pinset', 'status'], signal: abort.signal })
    expect((await events.next()).value).toMatchObject({ type: 'start', peer: peer.id, peername: 'one' })
    const sent: number[] = []
    let added: string | undefined
    const entry = { type: 'file', path: 'a.txt', content: bytesOf('told by events') } as const
    for await (const { cid } of client.add([entry], { name: 'told' }, { onUpload: (bytes) => void sent.push(bytes) })) {
      if (cid === undefined) continue
      added = cid.toString()
      const { peerMap } = await client.waitFor(cid, { intervalMs: 100 })
      expect([...(peerMap ?? [])].map(([, { status }]) => status)).toEqual([TrackerStatus.pinned])
    }
    expect(sent).toEqual(['told by events'.length])
    const seen: PeerEvent[] = []
    for await (const event of events) {
      seen.push(event)
      if (event.type === 'status' && event.status.status === TrackerStatus.pinned) break
    }
    expect(seen.find((event) => event.type === 'pinset' && event.change.type === 'pin')).toMatchObject({
      change: { type: 'pin', pin: { name: 'told' } }
    })
    expect(seen.at(-1)).toMatchObject({ type: 'status', status: { name: 'told' } })
    expect(added).toMatch(/^Qm/)
    expect(await client.pinCounts()).toMatchObject({ pins: 1, statuses: { pinned: 1 } })
    client.close()
  })

  it.each<
    [row: string, entries: () => FileEntry[], params: Partial<AddParams>, events: readonly (readonly unknown[])[]]
  >([
    ['31', () => [file('a.txt')], {}, [['a.txt', HELLO, 13n]]],
    [
      '32',
      () => [file('a.txt')],
      { wrapWithDirectory: true },
      [
        ['a.txt', HELLO, 13n],
        ['', FOLDER, 64n]
      ]
    ],
    [
      '33',
      () => [{ type: 'directory', path: 'd' }, file('d/a.txt')],
      {},
      [
        ['d/a.txt', HELLO, 13n],
        ['d', FOLDER, 64n]
      ]
    ],
    [
      '33, wrapped',
      () => [{ type: 'directory', path: 'd' }, file('d/a.txt')],
      { wrapWithDirectory: true },
      [
        ['d/a.txt', HELLO, 13n],
        ['d', FOLDER, 64n],
        ['', 'QmdGStEh1YtrzzpChxv1uXRgEq1q9HGGt4ADrj8cRWCcDY', 111n]
      ]
    ],
    ['34', () => [file('a.txt')], { cidVersion: 1, rawLeaves: true }, [['a.txt', RAW, 5n]]],
    [
      '35',
      () => [file('a.txt')],
      { cidVersion: 1, rawLeaves: true, wrapWithDirectory: true },
      [
        ['a.txt', RAW, 5n],
        ['', 'bafybeicdexjwatebfhiltofxjw7xgzcjphgj2axkeneflnrmztijfru3tu', 58n]
      ]
    ],
    ['36', () => [{ type: 'directory', path: 'e' }], {}, [['e', 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn', 4n]]]
  ])('adds as http-apis.md §11 says: row %s', async (_row, entries, params, wanted) => {
    const events: unknown[] = []
    for await (const { name, cid, size } of new ClusterClient({ url }).add(entries(), params))
      events.push([name, cid?.toString(), size])
    expect(events).toEqual(wanted)
  })

  it('speaks over libp2p, with trailers, uploads and events', async () => {
    const node = await createPlainNode()
    try {
      const transport = libp2pTransport({
        connect: (id, options) => node.dialProtocol(multiaddr(`${apiAddress}/p2p/${id}`), LIBP2P_HTTP, options)
      })
      const client = new ClusterClient({ url: `libp2p://${apiId}`, transport })
      expect((await client.id()).id.toString()).toBe(peer.id)
      const names: string[] = []
      for await (const { name } of client.add([{ type: 'file', path: 'b.txt', content: bytesOf('over libp2p') }]))
        names.push(name)
      expect(names).toEqual(['b.txt'])
      const pins: string[] = []
      for await (const { name } of client.allocations()) pins.push(name)
      expect(pins.length).toBeGreaterThan(1)
      await expect(client.add([], { hash: 'nope' }).next()).rejects.toMatchObject({ code: 'REFUSED', status: 400 })
      const events = client.events()
      expect((await events.next()).value).toMatchObject({ type: 'start' })
      await events.return()
    } finally {
      await node.stop()
    }
  })
})
