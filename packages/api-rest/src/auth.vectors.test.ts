import { readFileSync } from 'node:fs'
import { LoneCluster, ManualClock, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from 'undici'
import { RestApi, restApiConfig } from './index.ts'

interface Case {
  readonly name: string
  readonly api?: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query?: string
    readonly headers?: Readonly<Record<string, string>>
  }
  readonly response: {
    readonly status: number
    readonly headers?: Readonly<Record<string, string | string[]>>
    readonly body?: string
    readonly json?: Readonly<Record<string, unknown>>
    readonly newline?: boolean
  }
  readonly loose?: Readonly<Record<string, string>>
}

const url = new URL('../../testing/vectors/http/auth.json', import.meta.url)
const cases = (JSON.parse(readFileSync(url, 'utf8')) as readonly Case[]).filter(({ api }) => api === undefined)

const COMPARED = [
  'content-type',
  'vary',
  'location',
  'www-authenticate',
  'x-custom',
  'x-other',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-max-age'
]

const config = {
  ...restApiConfig.defaults,
  httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')],
  basicAuthCredentials: { admin: 'secret', bob: 'pa:ss:wörd' },
  headers: { 'X-Custom': ['one', 'two'], 'X-Other': ['z'] },
  corsAllowedOrigins: ['https://a.example', 'https://*.b.example'],
  corsAllowedMethods: ['GET', 'POST', 'DELETE', 'patch'],
  corsAllowedHeaders: ['Authorization', 'Content-Type'],
  corsMaxAgeMs: 600_000
}
const context = testContext({ clock: new ManualClock(Date.parse('2026-01-01')) })
const api = new RestApi({ ...context, cluster: new LoneCluster() }, config)
let client: Client

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
  client = new Client(`http://127.0.0.1:${api.addresses[0]?.getComponents()[1]?.value ?? ''}`)
})
afterAll(async () => {
  await client.close()
  await api.stop()
})

describe('http/auth.json', () => {
  it('is used whole', () => {
    expect(cases).toHaveLength(63)
  })

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { request, response, loose = {} }) => {
    const { method, path, query, headers = {} } = request
    const answer = await client.request({
      method: method,
      path: query === undefined ? path : `${path}?${query}`,
      headers
    })
    const text = await answer.body.text()
    expect(answer.statusCode).toBe(response.status)
    for (const name of COMPARED) expect([name, answer.headers[name]]).toEqual([name, response.headers?.[name]])
    if (response.body !== undefined) expect(text).toBe(response.body)
    if (response.json === undefined) return
    const json = JSON.parse(text) as Record<string, unknown>
    for (const [key, prefix] of Object.entries(loose)) expect(String(json[key]).startsWith(prefix)).toBe(true)
    const tails = Object.fromEntries(Object.keys(loose).map((key) => [key, json[key]]))
    expect([json, text.endsWith('}\n')]).toEqual([{ ...response.json, ...tails }, response.newline])
  })
})
