import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthenticator } from './authenticate.ts'
import { createCors } from './cors.ts'
import { listen, type Listeners } from './listen.ts'
import { errorBody, jsonResponse } from './respond.ts'
import { createSurface, type SurfaceOptions } from './surface.ts'
import { checkToken, signToken } from './token.ts'

interface Case {
  name: string
  api?: string
  request: { method: string; path: string; query?: string; headers?: Record<string, string> }
  response: Expected
  wanted?: Expected
}
interface Expected {
  status: number
  headers?: Record<string, string | string[]>
  body?: string
  json?: unknown
}

const comparedHeaders = [
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

/** The routes that the vectors of the common server need. */
const handler: SurfaceOptions['handler'] = (request, { identity }) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/version' && request.method === 'GET') return jsonResponse({ version: '1.1.6' })
  if (pathname === '/token' && request.method === 'POST' && identity !== undefined) {
    return jsonResponse({ token: signToken({ iss: identity.user }, credentials.get(identity.user) ?? '') })
  }
  if (pathname === '/version') return new Response(null, { status: 405 })
  if (pathname === '/health' && request.method === 'GET') return jsonResponse(undefined)
  return new Response(errorBody(404, 'not found'), { status: 404, headers: { 'Content-Type': 'application/json' } })
}

const credentials = new Map([
  ['admin', 'secret'],
  ['bob', 'pa:ss:wörd']
])
const exposedHeaders = ['Content-Type', 'X-Stream-Output', 'X-Chunked-Output', 'X-Content-Length']
const surfaces: Record<string, SurfaceOptions> = {
  'rest.json': {
    handler,
    errorBody,
    cleanPaths: true,
    cors: createCors({
      allowedOrigins: ['*'],
      allowedMethods: ['GET'],
      allowedHeaders: [],
      exposedHeaders,
      allowCredentials: true,
      maxAgeSeconds: 0
    })
  },
  'auth.json': {
    handler,
    errorBody,
    cleanPaths: true,
    headers: { 'X-Custom': ['one', 'two'], 'X-Other': ['z'] },
    authenticate: createAuthenticator({
      credentials,
      verifyToken: (token) => checkToken(token, { credentials, nowMs: Date.now() })?.user
    }),
    cors: createCors({
      allowedOrigins: ['https://a.example', 'https://*.b.example'],
      allowedMethods: ['GET', 'POST', 'DELETE', 'patch'],
      allowedHeaders: ['Authorization', 'Content-Type'],
      exposedHeaders,
      allowCredentials: true,
      maxAgeSeconds: 600
    })
  }
}

/** Cases that the common server answers itself, or that need no more than the two routes. */
function concerns({ api, request, response }: Case): boolean {
  if (api !== undefined) return false
  if ([301, 307, 401].includes(response.status))
    return request.headers?.['Authorization'] !== undefined || request.path !== '/token'
  if (response.status === 204 && request.method === 'OPTIONS') return true
  const path = request.path
  if (path === '/version' && response.status === 405 && request.method !== 'OPTIONS') return true
  return (
    (['/version', '/token'].includes(path) && response.status === 200) || (path === '/nope' && response.status === 404)
  )
}

describe.each(Object.entries(surfaces))('%s', (file, surface) => {
  const url = new URL(`../../testing/vectors/http/${file}`, import.meta.url)
  const cases = (JSON.parse(readFileSync(url, 'utf8')) as Case[]).filter(concerns)
  let listeners: Listeners
  let port = 0

  beforeAll(async () => {
    listeners = await listen({ targets: [{ host: '127.0.0.1', port: 0 }], listener: createSurface(surface) })
    const [target] = listeners.targets
    port = target !== undefined && 'port' in target ? target.port : 0
  })
  afterAll(async () => {
    await listeners.stop()
  })

  test('enough cases', () => {
    expect(cases.length).toBeGreaterThan(30)
  })

  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_name, { request, response, wanted }) => {
    const expected = wanted ?? response
    const path = request.path + (request.query === undefined ? '' : `?${request.query}`)
    const answer = await ask({ port, path, method: request.method, headers: request.headers ?? {} })
    expect(answer.status).toBe(expected.status)
    for (const name of comparedHeaders) {
      const value = answer.raw.get(name)
      expect([name, value?.length === 1 ? value[0] : value]).toEqual([name, expected.headers?.[name]])
    }
    if (expected.body !== undefined) expect(answer.body).toBe(expected.body)
    if (expected.json !== undefined) expect(JSON.parse(answer.body)).toEqual(expected.json)
  })
})

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  raw: Map<string, string[]>
  body: string
}

async function ask(options: {
  port: number
  path: string
  method: string
  headers: Record<string, string>
}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest({ ...options, host: '127.0.0.1', agent: false }, (response) => {
      const raw = new Map<string, string[]>()
      for (let i = 0; i < response.rawHeaders.length; i += 2) {
        const name = (response.rawHeaders[i] ?? '').toLowerCase()
        raw.set(name, [...(raw.get(name) ?? []), response.rawHeaders[i + 1] ?? ''])
      }
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, raw, body })
      })
    })
    request.on('error', reject)
    request.end()
  })
}
