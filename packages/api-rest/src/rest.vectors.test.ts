import { readFileSync } from 'node:fs'
import { LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Client } from 'undici'
import { RestApi, restApiConfig } from './index.ts'

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly json?: unknown
}
interface Case {
  readonly name: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly encoding?: string
  }
  readonly response: Answer & { readonly closed?: boolean }
  readonly wanted?: Answer | readonly Answer[]
  readonly loose?: Readonly<Record<string, string>>
}

const url = new URL('../../testing/vectors/http/rest.json', import.meta.url)
const cases = JSON.parse(readFileSync(url, 'utf8')) as readonly Case[]

/** Cases that need no pinset, no second peer and no IPFS: what the API answers on its own. */
const alone = [
  /^state\/empty /,
  /^version$/,
  /^peer add, (not JSON|empty body|wrong type|missing|bad id)$/,
  /^peer rm, bad id$/,
  /^(slash|clean|cors)\//,
  /^unknown path/,
  /^prefix is not known$/,
  /^(pins sync|metrics) is gone$/,
  /^method\/(?!GET \/peers\/)/,
  /^token without credentials$/,
  /^health$/,
  /^pins\//,
  /^allocations\//,
  /^status\/(bad cid|recover as cid)$/,
  /^recover\/(bad cid|not pinned local)$/,
  /^unpin\/(?!unresolvable|path)/,
  /^unpin\/bad path$/,
  /^add\/(json body|no content type|no boundary|query |first error wins)/,
  /^(pin\/bad option|pin\/after bad option|cleanup\/bad option|pin\/bad cid|pin\/path (bad|ipld bad|empty|direct, slash))/,
  /^unpin with bad option$/,
  /^query\/first value wins$/,
  /^metrics\/unknown$/
]
const inScope = cases.filter(({ name }) => alone.some((pattern) => pattern.test(name)))

const COMPARED = [
  'content-type',
  'vary',
  'location',
  'cache-control',
  'x-chunked-output',
  'trailer',
  'www-authenticate',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-max-age'
]

const cluster = new LoneCluster()
const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
const api = new RestApi({ ...testContext(), cluster }, { ...restApiConfig.defaults, httpListenMultiaddress: listen })
let client: Client

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
  const [address] = api.addresses
  client = new Client(`http://127.0.0.1:${address?.getComponents()[1]?.value ?? ''}`)
})
afterAll(async () => {
  await client.close()
  await api.stop()
})
beforeEach(() => {
  cluster.pinset.clear()
  cluster.metrics.length = 0
})

describe('http/rest.json', () => {
  it('is used where one process can answer', () => {
    expect(inScope.length).toBeGreaterThan(130)
  })

  it.each(inScope.map((one) => [one.name, one] as const))('%s', async (_, { request, response, wanted, loose }) => {
    const expected = [wanted ?? response].flat()
    const body = request.encoding === 'base64' ? Buffer.from(request.body ?? '', 'base64') : request.body
    const answer = await ask(request, body)
    expect(expected.map(({ status }) => status)).toContain(answer.status)
    const target = expected.find(({ status }) => status === answer.status)
    if (target?.headers !== undefined) {
      for (const name of COMPARED) expect([name, answer.headers[name]]).toEqual([name, target.headers[name]])
    }
    if (target?.body !== undefined) expect(answer.body).toBe(target.body)
    if (target?.json !== undefined) {
      const got = JSON.parse(answer.body) as Record<string, unknown>
      // What stands in `loose` is compared up to there: the tails of parse errors differ between libraries.
      const tails = Object.entries(loose ?? looseOf(target.json))
      for (const [path, prefix] of tails) expect(String(got[path])).toMatch(new RegExp(`^${escape(prefix)}`))
      const free = Object.fromEntries(tails.map(([path]) => [path, got[path]]))
      expect(got).toEqual(Array.isArray(target.json) ? target.json : { ...target.json, ...free })
    }
  })
})

async function ask({ method, path, query, headers = {} }: Case['request'], body: string | Buffer | undefined) {
  // Paths must arrive as they are written: `URL` would clean them.
  const response = await client.request({
    method: method,
    path: query === undefined ? path : `${path}?${query}`,
    headers,
    ...(body === undefined ? {} : { body })
  })
  return { status: response.statusCode, headers: response.headers, body: await response.body.text() }
}

/** The specification leaves the text after the colon free; the vectors say so in most places only. */
function looseOf(json: unknown): Record<string, string> {
  const { message } = (json ?? {}) as { message?: unknown }
  const prefix = 'expire-at cannot be parsed: '
  return typeof message === 'string' && message.startsWith(prefix) ? { message: prefix } : {}
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
