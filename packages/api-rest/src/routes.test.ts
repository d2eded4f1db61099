import { CLUSTER_VERSION, pinOf, plainConsensusHealth, type Metric } from '@cluster/api'
import { askHttp, LoneCluster, testContext, testPeerId, type HttpAnswer } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const POST = { method: 'POST' } as const
const DELETE = { method: 'DELETE' } as const
const open: RestApi[] = []

afterEach(async () => {
  for (const api of open.splice(0)) await api.stop()
})

type Ask = (path: string, options?: Parameters<typeof askHttp>[0]) => Promise<HttpAnswer>

async function run() {
  const cluster = new LoneCluster()
  const context = testContext()
  const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
  const api = new RestApi({ ...context, cluster }, { ...restApiConfig.defaults, httpListenMultiaddress: listen })
  await api.beforeStart()
  await api.start()
  open.push(api)
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  const ask: Ask = (path, options = {}) => askHttp({ port, path, ...options })
  return { cluster, context, ask, port }
}

const lines = ({ text }: HttpAnswer): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('peers', () => {
  it('answers who it is, its version and the peers', async () => {
    const { ask, cluster } = await run()
    const self = cluster.self.toString()
    expect(lines(await ask('/id'))).toMatchObject([{ id: self, peername: 'lone' }])
    expect(lines(await ask('/version'))).toEqual([{ version: CLUSTER_VERSION }])
    const peers = await ask('/peers')
    expect(lines(peers)).toMatchObject([{ id: self }])
    expect(peers.trailers).toEqual({ 'x-stream-error': '' })
  })

  it('answers nobody when the peers cannot be listed, and logs why', async () => {
    const { ask, cluster, context } = await run()
    cluster.failures.set('members.peers', new Error('no peerset'))
    expect((await ask('/peers')).status).toBe(204)
    expect(context.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('adds and removes peers', async () => {
    const { ask, cluster } = await run()
    const peer = testPeerId(7)
    const added = await ask('/peers', { ...POST, body: JSON.stringify({ Peer_ID: peer.toString() }) })
    expect(lines(added)).toMatchObject([{ id: peer.toString() }])
    const removed = await ask(`/peers/${peer.toString()}`, DELETE)
    expect([removed.status, removed.text]).toEqual([204, ''])
    expect(cluster.calls.map(([name, who]) => [name, String(who)])).toEqual([
      ['members.add', peer.toString()],
      ['members.remove', peer.toString()]
    ])
    const huge = await ask('/peers', { ...POST, body: ' '.repeat(2_000_000) })
    expect(huge.status).toBe(400)
  })
})

describe('pins', () => {
  it('are made, read, listed by type and removed', async () => {
    const { ask, cluster } = await run()
    const path = `/pins/${cid.toString()}`
    const made = await ask(`${path}?name=docs&replication=2&meta-a=b`, POST)
    expect(lines(made)).toMatchObject([{ cid: cid.toString(), name: 'docs', type: 'pin', metadata: { a: 'b' } }])
    expect(lines(await ask(`/allocations/${cid.toString()}`))).toMatchObject([{ name: 'docs' }])
    cluster.pinset.set('meta', { ...pinOf(CID.parse('bafkqaaa')), type: 4 })
    const listed = await ask('/allocations')
    expect(lines(listed).map(({ type }) => type)).toEqual(['pin', 'meta-pin'])
    expect(lines(await ask('/allocations?filter=meta-pin,foo')).map(({ type }) => type)).toEqual(['meta-pin'])
    expect((await ask('/allocations?filter=shard-pin')).status).toBe(204)
    expect(lines(await ask(path, DELETE))).toMatchObject([{ name: 'docs' }])
    const again = await ask(path, DELETE)
    expect([again.status, again.text]).toEqual([404, '{"code":404,"message":"pin is not part of the pinset"}\n'])
  })

  it('take their depth from the mode, by CID and by path', async () => {
    const { ask, cluster } = await run()
    cluster.paths.set(`/ipfs/${cid.toString()}`, cid)
    await ask(`/pins/${cid.toString()}?mode=direct`, POST)
    await ask(`/pins/ipfs/${cid.toString()}?mode=direct`, POST)
    expect(cluster.calls.map(([, pin]) => pin)).toMatchObject([{ mode: 1, maxDepth: 0 }, { mode: 1 }])
  })

  it('reach below a path, unescaped', async () => {
    const { ask, cluster } = await run()
    cluster.paths.set(`/ipfs/${cid.toString()}/a b/ü?.txt`, cid)
    const pinned = await ask(`/pins/ipfs/${cid.toString()}/a%20b/%C3%BC%3F.txt`, POST)
    expect(pinned.status).toBe(200)
    expect((await ask(`/pins/ipfs/${cid.toString()}/a%20b/%C3%BC%3F.txt`, DELETE)).status).toBe(200)
    cluster.paths.set('/ipns/example.org/docs', cid)
    expect((await ask('/pins/ipns/example.org/docs', POST)).status).toBe(200)
  })

  it('are not made when an option is wrong', async () => {
    const { ask, cluster } = await run()
    expect((await ask(`/pins/${cid.toString()}?replication-min=a`, POST)).status).toBe(400)
    expect(cluster.calls).toEqual([])
  })

  it('count what is relative to the time of the request', async () => {
    const { ask, cluster, context } = await run()
    await ask(`/pins/${cid.toString()}?expire-in=1h`, POST)
    const expireAt = BigInt(context.clock.nowMs() + 3_600_000) * 1_000_000n
    expect(cluster.calls[0]?.[1]).toMatchObject({ expireAt })
  })
})

describe('statuses', () => {
  it('are asked of all or of this peer, by filter and by CID', async () => {
    const { ask, cluster } = await run()
    cluster.pinset.set(cid.toString(), pinOf(cid))
    expect(lines(await ask('/pins?local=true&filter=pinned,foo'))).toHaveLength(1)
    expect(lines(await ask(`/pins/${cid.toString()}?local=1`))).toMatchObject([{ cid: cid.toString() }])
    expect(lines(await ask(`/pins?cids=${cid.toString()},bafkqaaa&local=true`))).toHaveLength(2)
    expect(cluster.calls.map(([name, , local]) => [name, local])).toEqual([
      ['statuses.statusAll', true],
      ['statuses.status', false],
      ['statuses.status', true],
      ['statuses.status', true]
    ])
  })

  it('of some CIDs come even if one fails, which is told at the end', async () => {
    const { ask, cluster } = await run()
    const status = cluster.statuses.status.bind(cluster.statuses)
    cluster.statuses.status = (wanted, options) =>
      wanted.equals(cid) ? Promise.reject(new Error('no answer')) : status(wanted, options)
    const answer = await ask(`/pins?cids=${cid.toString()},bafkqaaa,bafkqaaa`)
    expect([answer.status, lines(answer).length, answer.trailers]).toEqual([200, 2, { 'x-stream-error': 'no answer' }])
    const failed = await ask(`/pins?cids=${cid.toString()},${cid.toString()}`)
    expect([failed.status, lines(failed)]).toEqual([500, [{ code: 500, message: 'no answer; no answer' }]])
  })

  it('are recovered', async () => {
    const { ask, cluster } = await run()
    cluster.pinset.set(cid.toString(), pinOf(cid))
    expect((await ask(`/pins/${cid.toString()}/recover?local=true`, POST)).status).toBe(200)
    expect((await ask('/pins/recover?local=true', POST)).status).toBe(204)
    expect(cluster.calls.map(([name, ...args]) => [name, args.at(-1)])).toEqual([
      ['statuses.recover', true],
      ['statuses.recoverAll', true]
    ])
  })
})

describe('health', () => {
  it('answers metrics by peer, their names, alerts, bandwidth, graph and garbage collection', async () => {
    const { ask, cluster } = await run()
    const metric = (index: number): Metric => {
      const rest = { value: '1', expire: 1_767_323_075_123_456_789n, weight: 1n, receivedAt: 0n }
      return { name: 'ping', peer: testPeerId(index), valid: true, partitionable: false, ...rest }
    }
    cluster.metrics.push(...[3, 1, 2].map(metric))
    const peers = lines({ ...(await ask('/monitor/metrics/ping')) })[0] as unknown as { peer: string }[]
    const sorted = [1, 2, 3]
      .map(testPeerId)
      .sort((a, b) => Buffer.compare(a.toMultihash().bytes, b.toMultihash().bytes))
    expect(peers.map(({ peer }) => peer)).toEqual(sorted.map(String))
    expect((await ask('/monitor/metrics/ping')).text).toContain('"expire":1767323075123456789,')
    expect((await ask('/monitor%2Fmetrics')).text).toBe('["ping"]\n')
    cluster.alerts.push({ ...metric(1), triggeredAt: 0n })
    expect((await ask('/health/alerts')).text).toContain('"triggered_at":"1970-01-01T00:00:00Z"')
    expect((await ask('/health/bandwidth')).text).toBe('null\n')
    expect(lines(await ask('/health/graph'))).toMatchObject([{ cluster_id: cluster.self.toString() }])
    cluster.consensusHealth = { ...plainConsensusHealth('crdt', 'stuck', 'a block is nowhere'), missingCount: 1 }
    expect(lines(await ask('/health/consensus'))).toMatchObject([{ state: 'stuck', missing_count: 1, heads: [] }])
    expect(lines(await ask('/ipfs/gc?local=true', POST))).toMatchObject([{ peer_map: {} }])
    expect(cluster.calls.at(-1)).toEqual(['content.repoGC', true])
  })
})
