import type { FileEntry } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import { ApiError, ClusterClient, redirected, severalHosts, type Transport, type TransportRequest } from './index.ts'

/** What a host does with a request: answers this text, or gives no answer. */
type Host = string | Error

/** A transport that writes down what it is asked, and answers for each host. */
function transportOf(hosts: Readonly<Record<string, Host>>): { transport: Transport; asked: string[] } {
  const asked: string[] = []
  const transport: Transport = {
    readsTrailers: true,
    async send({ url, method, body }: TransportRequest) {
      asked.push(`${method} ${url.host}${url.pathname}`)
      const answer = hosts[url.host] ?? new Error('no such host')
      if (answer instanceof Error) throw answer
      if (body !== undefined && typeof body !== 'string') for await (const part of body) expect(part).toBeDefined()
      const status = answer.startsWith('{"code"') ? 500 : 200
      return {
        status: url.pathname.endsWith('/health') ? 204 : status,
        statusText: '',
        body: bytesOf(answer),
        trailer: () => []
      }
    },
    close: () => undefined
  }
  return { transport, asked }
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(text))
}

async function* entriesOf(content: () => AsyncGenerator<Uint8Array>): AsyncGenerator<FileEntry> {
  yield await Promise.resolve({ type: 'file', path: 'a', content: content() })
}

const down = new Error('connection refused')
const version = '{"version":"1"}'

describe('several hosts', () => {
  it('are asked in order until one answers; each call begins with the first', async () => {
    const { transport, asked } = transportOf({ a: down, b: version, c: version })
    const client = new ClusterClient({ url: ['http://a/x/', 'http://b/y', 'http://c'], transport })
    expect(await client.version()).toEqual({ version: '1' })
    await client.version()
    const once = ['GET a/x/version', 'GET b/y/version']
    expect(asked).toEqual([...once, ...once])
  })

  it('in turn, beginning with the second, with the next one when one is silent', async () => {
    const { transport, asked } = transportOf({ a: version, b: version, c: down })
    const client = new ClusterClient({ url: ['http://a', 'http://b', 'http://c'], order: 'round-robin', transport })
    for (let call = 0; call < 3; call++) await client.version()
    expect(asked).toEqual(['b', 'c', 'a', 'b'].map((host) => `GET ${host}/version`))
  })

  it('are not asked after an answer, even a bad one', async () => {
    const { transport, asked } = transportOf({ a: '{"code":500,"message":"no"}', b: version })
    await expect(new ClusterClient({ url: ['http://a', 'http://b'], transport }).version()).rejects.toMatchObject({
      code: 'REFUSED',
      message: 'no'
    })
    expect(asked).toEqual(['GET a/version'])
  })

  it('are asked as often as is said, at least once; the last failure counts', async () => {
    for (const [attempts, count] of [
      [undefined, 2],
      [0, 1],
      [1, 1],
      [5, 5]
    ] as const) {
      const { transport, asked } = transportOf({ a: down, b: new Error('last') })
      const more = attempts === undefined ? {} : { attempts }
      const client = new ClusterClient({ url: ['http://a', 'http://b'], transport, ...more })
      const error: unknown = await client.version().catch((failure: unknown) => failure)
      expect(error).toBeInstanceOf(ApiError)
      expect(error).toMatchObject({ code: 'UNREACHABLE', message: count === 2 ? 'last' : down.message })
      expect(asked).toHaveLength(count)
    }
    expect(() => severalHosts([])).toThrow(RangeError)
    expect(() => new ClusterClient({ url: [] })).toThrow(RangeError)
  })

  it('get an upload once one is known to listen', async () => {
    const { transport, asked } = transportOf({ a: down, b: '{"name":"a"}' })
    const client = new ClusterClient({ url: ['http://a', 'http://b'], transport })
    for await (const item of client.add(entriesOf(() => bytesOf('content')))) expect(item.name).toBe('a')
    expect(asked).toEqual(['GET a/health', 'GET b/health', 'POST b/add'])
  })

  it('are not to blame for files that cannot be read', async () => {
    const { transport, asked } = transportOf({ a: '{}', b: '{}' })
    const client = new ClusterClient({ url: ['http://a', 'http://b'], transport })
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.reject<Uint8Array>(new Error('disk failed'))
    }
    await expect(client.add(entriesOf(broken)).next()).rejects.toThrow('disk failed')
    expect(asked).toEqual(['GET a/health', 'POST a/add'])
  })

  it('are not asked on after an abort', async () => {
    const abort = new AbortController()
    const { transport, asked } = transportOf({ a: down, b: version })
    const aborting: Transport = {
      ...transport,
      send: (request) => {
        abort.abort(new Error('enough'))
        return transport.send(request)
      }
    }
    const client = new ClusterClient({ url: ['http://a', 'http://b'], transport: aborting })
    await expect(client.version({ signal: abort.signal })).rejects.toThrow('enough')
    expect(asked).toEqual(['GET a/version'])
  })
})

describe('redirections', () => {
  const moving = (to: string): { transport: Transport; seen: TransportRequest[] } => {
    const seen: TransportRequest[] = []
    const transport: Transport = {
      readsTrailers: true,
      send: (request) => {
        seen.push(request)
        const isMoved = request.url.pathname.startsWith('/old')
        const place = isMoved ? { status: 307, location: to } : { status: 200 }
        return Promise.resolve({ statusText: '', body: bytesOf(version), trailer: () => [], ...place })
      },
      close: () => undefined
    }
    return { transport: redirected(transport), seen }
  }
  const request = (method: 'GET' | 'POST'): TransportRequest => ({
    method,
    url: new URL('http://a/old/version'),
    headers: { authorization: 'Basic x', 'x-team': 'red' }
  })

  it('of GET are followed, with credentials for the same host only', async () => {
    const near = moving('/new')
    expect((await near.transport.send(request('GET'))).status).toBe(200)
    expect(near.seen[1]).toMatchObject({ headers: { authorization: 'Basic x' } })
    const far = moving('http://b/new')
    await far.transport.send(request('GET'))
    expect(far.seen[1]?.url.href).toBe('http://b/new')
    expect(far.seen[1]?.headers).toEqual({ 'x-team': 'red' })
  })

  it('of others are not, and not without end', async () => {
    const { transport, seen } = moving('/new')
    expect((await transport.send(request('POST'))).status).toBe(307)
    expect(seen).toHaveLength(1)
    await expect(moving('/old/again').transport.send(request('GET'))).rejects.toThrow('10 redirects')
  })
})
