import { pinOf, TrackerStatus, type GlobalPinInfo } from '@cluster/api'
import { askHttp, LoneCluster, settle, testContext, testPeerId, type HttpAnswer } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import { afterEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const open: RestApi[] = []
afterEach(async () => {
  for (const api of open.splice(0)) await api.stop()
})

async function run() {
  const cluster = new LoneCluster()
  const context = testContext()
  const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
  const api = new RestApi({ ...context, cluster }, { ...restApiConfig.defaults, httpListenMultiaddress: listen })
  await api.beforeStart()
  await api.start()
  open.push(api)
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  const ask = (path: string, method = 'GET') => askHttp({ port, path, method })
  return { cluster, ask, port, clock: context.clock }
}

const cidOf = (number: number): CID => CID.createV1(0x55, identity.digest(Uint8Array.of(number)))
const cid = cidOf(0)

/** Ten pins: 0 to 9, every second one called `even`, with metadata `third` for each third. */
function fill(cluster: LoneCluster): void {
  for (let i = 0; i < 10; i++) {
    const metadata = new Map([
      ['third', String(i % 3 === 0)],
      ['app', 'x']
    ])
    const pin = pinOf(cidOf(i), { name: i % 2 === 0 ? 'even' : 'odd', metadata })
    cluster.pinset.set(pin.cid.toString(), pin)
  }
  // As cores do it: after a CID in the order of the pinset.
  const list = cluster.pins.list.bind(cluster.pins)
  Object.assign(cluster.pins, {
    list: async function* (options: Parameters<typeof list>[0]) {
      for await (const page of list(options)) {
        yield page.slice(1 + page.findIndex((each) => options.after !== undefined && each.cid.equals(options.after)))
      }
    }
  })
}

const numbers = ({ text }: HttpAnswer): number[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { cid: string })
    .map((item) => CID.parse(item.cid).multihash.digest[0] ?? -1)

describe('parts of listings', () => {
  it.each([
    ['name=even', [0, 2, 4, 6, 8]],
    ['name=eve', []],
    ['meta-third=true', [0, 3, 6, 9]],
    ['meta-third=true&name=even', [0, 6]],
    ['meta-third=true&meta-app=y', []],
    ['meta-none=x', []],
    ['limit=3', [0, 1, 2]],
    ['limit=100', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['limit=2&name=odd', [1, 3]],
    ['name=&meta-third=&after=&limit=', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]
  ])('by %s', async (query, expected) => {
    const { ask, cluster } = await run()
    fill(cluster)
    for (const path of ['/allocations', '/pins']) {
      const answer = await ask(`${path}?${query}`)
      expect([answer.status, numbers(answer)]).toEqual([expected.length === 0 ? 204 : 200, expected])
    }
  })

  it('page by page give the whole', async () => {
    const { ask, cluster } = await run()
    fill(cluster)
    const seen: number[] = []
    for (let after = ''; ;) {
      const page = numbers(await ask(`/allocations?limit=4&after=${after}`))
      if (page.length === 0) break
      seen.push(...page)
      after = cidOf(page.at(-1) ?? 0).toString()
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it.each([
    ['limit=0', 'limit: '],
    ['limit=-1', 'limit: '],
    ['limit=1.5', 'limit: '],
    ['limit=x', 'limit: '],
    ['after=x', 'error decoding Cid: ']
  ])('are refused for %s', async (query, message) => {
    const { ask } = await run()
    for (const path of ['/allocations', '/pins']) {
      const { status, text } = await ask(`${path}?${query}`)
      expect([status, text]).toEqual([400, expect.stringContaining(message)])
    }
  })
})

/** A status that changes with every look. */
function setStatuses(cluster: LoneCluster, looks: readonly (readonly number[])[]): () => number {
  let asked = 0
  Object.assign(cluster.statuses, {
    status: (asking: CID): Promise<GlobalPinInfo> => {
      const statuses = looks[Math.min(asked++, looks.length - 1)] ?? []
      const rest = { ipfsPeerId: undefined, ipfsPeerAddresses: undefined, error: '', attemptCount: 0 }
      const entries = statuses.map((status, index) => {
        const info = { ...rest, peername: `p${index}`, status, timestamp: 0n, priorityPin: false }
        return [testPeerId(index).toString(), info] as const
      })
      const own = { name: '', allocations: [], origins: undefined, created: undefined, metadata: undefined }
      return Promise.resolve({ ...own, cid: asking, peerMap: new Map(entries) })
    }
  })
  return () => asked
}

const { pinned, pinning, pinError, remote, unpinned, unpinning } = TrackerStatus

describe('waiting', () => {
  it.each([
    ['a pin that is there', 'POST', [[pinned, remote]], 200],
    ['a pin that failed', 'POST', [[pinned, pinError]], 202],
    ['an unpin that is done', 'DELETE', [[unpinned, unpinned]], 200]
  ] as const)('answers the status of %s at once', async (_, method, looks, status) => {
    const { ask, cluster } = await run()
    cluster.pinset.set(cid.toString(), pinOf(cid))
    setStatuses(cluster, looks)
    const answer = await ask(`/pins/${cid.toString()}?wait=1m`, method)
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining('"peer_map"')])
  })

  it('looks again until all peers are there', async () => {
    const { ask, cluster, clock } = await run()
    cluster.paths.set(`/ipfs/${cid.toString()}/a`, cid)
    const asked = setStatuses(cluster, [[pinning, pinning], [pinned, pinning], [pinned]])
    const asking = ask(`/pins/ipfs/${cid.toString()}/a?wait=1m`, 'POST')
    for (let looks = 1; looks < 3; looks++) {
      while (clock.pending === 0) await settle()
      expect(asked()).toBe(looks)
      await clock.advance(looks * 50)
    }
    expect((await asking).status).toBe(200)
    expect(clock.pending).toBe(0)
  })

  it('ends with the time', async () => {
    const { ask, cluster, clock } = await run()
    cluster.pinset.set(cid.toString(), pinOf(cid))
    setStatuses(cluster, [[unpinning]])
    const asking = ask(`/pins/${cid.toString()}?wait=10ms`, 'DELETE')
    while (clock.pending === 0) await settle()
    await clock.advance(10)
    const { status, text } = await asking
    expect([status, text]).toEqual([202, expect.stringContaining('"unpinning"')])
    expect(clock.pending).toBe(0)
  })

  it('ends with the client', async () => {
    const { cluster, clock, port } = await run()
    setStatuses(cluster, [[pinning]])
    const controller = new AbortController()
    const path = `/pins/${cid.toString()}?wait=1h`
    const asking = askHttp({ port, path, method: 'POST', signal: controller.signal }).catch(() => 'aborted')
    while (clock.pending === 0) await settle()
    controller.abort()
    expect(await asking).toBe('aborted')
    while (clock.pending > 0) await settle()
  })

  it.each(['x', '0', '-1s', '61m'])('is refused for %s, and nothing is pinned', async (text) => {
    const { ask, cluster } = await run()
    const answer = await ask(`/pins/${cid.toString()}?wait=${text}`, 'POST')
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('wait: ')])
    expect((await ask(`/pins/${cid.toString()}?wait=${text}`, 'DELETE')).status).toBe(400)
    expect(cluster.calls).toEqual([])
  })
})

describe('counts', () => {
  it('of pins by status, in all and for each peer', async () => {
    const { ask, cluster } = await run()
    expect((await ask('/health/pins')).text).toBe('{"pins":0,"statuses":{},"peers":{}}\n')
    fill(cluster)
    const { status, text } = await ask('/health/pins?local=true')
    const counts = { pinned: 10 }
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { pins: 10, statuses: counts, peers: { [cluster.self.toString()]: counts } }
    ])
    expect(cluster.calls.at(-1)).toEqual(['statuses.statusAll', 0, true])
  })
})
