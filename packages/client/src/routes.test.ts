import { testPeerId } from '@cluster/testing'
import { restRoutes, versionFromJSON } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { ClusterClient } from './index.ts'
import { recording } from './recording.fixture.ts'

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const peer = testPeerId(1)
const text = peer.toString()

async function readAll(items: AsyncIterable<unknown>): Promise<void> {
  const reader = items[Symbol.asyncIterator]()
  while ((await reader.next()).done !== true);
}

/** The method for each route. */
const methods: Readonly<Record<string, (client: ClusterClient) => Promise<unknown> | AsyncIterable<unknown>>> = {
  ID: (client) => client.id(),
  Version: (client) => client.version(),
  Peers: (client) => client.peers(),
  PeerAdd: (client) => client.peerAdd(peer),
  PeerRemove: (client) => client.peerRemove(peer),
  Add: (client) => client.add([]),
  Allocations: (client) => client.allocations(),
  Allocation: (client) => client.allocation(cid),
  StatusAll: (client) => client.statusAll(),
  Recover: (client) => client.recover(cid),
  RecoverAll: (client) => client.recoverAll(),
  Status: (client) => client.status(cid),
  Pin: (client) => client.pin(cid),
  PinPath: (client) => client.pinPath('/ipns/example.org/a'),
  Unpin: (client) => client.unpin(cid),
  UnpinPath: (client) => client.unpinPath('/ipns/example.org/a'),
  RepoGC: (client) => client.repoGC(),
  ConnectionGraph: (client) => client.connectGraph(),
  ConsensusHealth: (client) => client.consensusHealth(),
  Alerts: (client) => client.alerts(),
  'Bandwidth by protocol stats': (client) => client.bandwidth(),
  PinCounts: (client) => client.pinCounts(),
  Metrics: (client) => client.metrics('a b'),
  MetricNames: (client) => client.metricNames(),
  Events: (client) => client.events({ retries: 0 }),
  Services: (client) => client.services(),
  SetService: (client) => client.setService(peer, 'active'),
  Repair: (client) => client.repair(),
  Drain: (client) => client.drain(peer),
  Replace: (client) => client.replace(peer, peer),
  Rebalance: (client) => client.rebalance(),
  Explain: (client) => client.explain(undefined, {}),
  ExplainPin: (client) => client.explain(cid, {}),
  GetToken: (client) => client.token(),
  RevokeToken: (client) => client.revokeToken(),
  OpenApi: (client) => client.call('OpenApi', (json) => json, {}),
  Health: (client) => client.health()
}
/** For people: there is nothing to call. */
const pages = restRoutes.filter(({ answer }) => answer === 'page').map(({ name }) => name)

describe('the table of routes', () => {
  it('has a method for each', () => {
    const names: readonly string[] = restRoutes.map(({ name }) => name)
    expect(Object.keys(methods).sort()).toEqual(names.filter((name) => !pages.some((page) => page === name)).sort())
  })

  it.each(Object.keys(methods))('%s is asked with its method and path', async (name) => {
    const route = restRoutes.find((candidate) => candidate.name === name)
    const { client, seen } = recording(204)
    const result = methods[name]?.(client)
    // An answer without a value is none for some; what was asked counts here.
    if (result instanceof Promise) await result.catch(() => undefined)
    else if (result !== undefined) await readAll(result).catch(() => undefined)
    expect(seen.map(({ method }) => method)).toEqual([route?.method])
    const pattern = (route?.path ?? '').replace(/\{path\}/g, '.+').replace(/\{\w+\}/g, '[^/]+')
    expect(seen[0]?.url.pathname).toMatch(new RegExp(`^${pattern}$`))
  })

  it('types what a call needs', async () => {
    const { client, seen } = recording(200, '{"version":"1"}')
    expect(await client.call('Version', versionFromJSON, { query: { a: 1, b: true, c: undefined } })).toEqual({
      version: '1'
    })
    await client.call('SetService', String, { parameters: { peer: text }, query: { state: 'a b' }, body: { c: 1 } })
    // @ts-expect-error -- the path has a parameter
    await client.call('Allocation', String, {})
    // @ts-expect-error -- that is a listing
    await client.call('Allocations', String, {})
    await readAll(client.stream('Drain', String, { parameters: { peer: 'a/b' } }))
    expect(seen.map(({ url, body }) => [url.pathname + url.search, body])).toEqual([
      ['/version?a=1&b=true', undefined],
      [`/repair/services/${text}?state=a+b`, '{"c":1}'],
      ['/allocations/', undefined],
      ['/allocations', undefined],
      ['/repair/drain/a%2Fb', undefined]
    ])
  })

  it('takes parts of listings', async () => {
    const { client, seen } = recording(204)
    const part = { name: 'a b', metadata: new Map([['k', 'v']]), after: cid, limit: 10 }
    await readAll(client.allocations(part))
    await readAll(client.statusAll(part))
    const query = `name=a+b&meta-k=v&after=${cid.toString()}&limit=10`
    expect(seen.map(({ url }) => url.search)).toEqual([`?filter=all&${query}`, `?local=false&filter=&cids=&${query}`])
  })
})

describe('tokens', () => {
  it('are asked for, shown and taken back', async () => {
    const { client, seen } = recording(200, '{"token":"a.b.c"}')
    expect(await client.token({ expiresIn: '1h', rights: 'read' })).toBe('a.b.c')
    await client.revokeToken('a.b.c')
    expect(seen.map(({ url, body }) => [url.pathname + url.search, body])).toEqual([
      ['/token?expires-in=1h&rights=read', undefined],
      ['/token/revoke', '{"token":"a.b.c"}']
    ])
    const shown = recording(204, '', { token: 'a.b.c', username: 'not shown' })
    await shown.client.version()
    expect(shown.seen[0]?.headers).toEqual({ authorization: 'Bearer a.b.c' })
  })
})

describe('errors of rights', () => {
  it.each([
    [401, 'UNAUTHORIZED', 'unauthorized: no auth provided'],
    [403, 'FORBIDDEN', 'forbidden: pin needs the right pin'],
    [404, 'REFUSED', 'not found']
  ])('%i is %s', async (status, code, message) => {
    const { client } = recording(status, JSON.stringify({ code: status, message }))
    await expect(client.version()).rejects.toMatchObject({ name: 'ApiError', code, status, message })
    await expect(readAll(client.peers())).rejects.toMatchObject({ code, status, message })
  })
})
