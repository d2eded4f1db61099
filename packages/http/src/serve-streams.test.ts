import { closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { expect, onTestFinished, test } from 'vitest'
import type { AccessEntry } from './access-log.ts'
import { serveStreams, type StreamServer } from './serve-streams.ts'
import { createSurface, type Handler, type SurfaceOptions } from './surface.ts'
import type { ListenLimits } from './open-server.ts'

const MiB = 1024 * 1024
const PEER = '12D3KooWMTdN93xgc7yEZ5Dpwcy1bcWnWXjTY2tc14XV2hG3AHB8'

/** A client that opens streams to a server, as over one connection between two hosts. */
class Client {
  readonly server: StreamServer
  readonly #muxer: StreamMuxer
  readonly served: Stream[] = []

  constructor(handler: Handler, limits: ListenLimits & { onRefused?: () => void }, surface: Partial<SurfaceOptions>) {
    this.server = serveStreams({ listener: createSurface({ handler, ...surface }), ...limits })
    const [outbound, inbound] = multiaddrConnectionPair({ capacity: 20 })
    const factory = yamux({ streamOptions: { maxStreamWindowSize: 2 * MiB, maxReadBufferLength: 8 * MiB } })()
    this.#muxer = factory.createStreamMuxer(outbound)
    factory.createStreamMuxer(inbound).addEventListener('stream', ({ detail }) => {
      this.served.push(detail)
      this.server.serve(detail, PEER)
    })
  }

  async send(request: string): Promise<Stream> {
    const stream = await this.#muxer.createStream()
    await writeStream(stream, Buffer.from(request, 'latin1'))
    return stream
  }
}

function open(
  handler: Handler,
  limits: ListenLimits & { onRefused?: () => void } = {},
  surface: Partial<SurfaceOptions> = {}
): Client {
  const client = new Client(handler, limits, surface)
  onTestFinished(() => client.server.stop({ graceMs: 0 }))
  return client
}

/** What comes until the other side ends. */
async function all(stream: Stream): Promise<string> {
  let answer = ''
  for await (const chunk of readStream(stream)) answer += Buffer.from(chunk.subarray()).toString('latin1')
  return answer
}

/** What comes, until the end of it is there. */
async function until(stream: Stream, end: string): Promise<string> {
  let answer = ''
  const reader = readStream(stream)
  while (!answer.endsWith(end)) {
    const { value } = await reader.next()
    if (value === undefined) throw new Error(`the stream ended after: ${answer}`)
    answer += Buffer.from(value.subarray()).toString('latin1')
  }
  await reader.return?.()
  stream.resume()
  return answer
}

async function closed(stream: Stream | undefined): Promise<string | undefined> {
  if (stream !== undefined && (stream.status === 'open' || stream.status === 'closing')) {
    await new Promise((resolve) => {
      stream.addEventListener('close', resolve, { once: true })
    })
  }
  return stream?.status
}

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: ${PEER}\r\n${more}\r\n`
const LAST = 'Connection: close\r\n'
const echo: Handler = (request) => new Response(new URL(request.url).pathname)

test('answers one request after the other on one stream, in order, and ends it when asked to', async () => {
  const client = open(echo)
  const stream = await client.send(get('/one') + get('/two'))
  expect(await until(stream, '/two')).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\/oneHTTP\/1\.1 200 OK\r\n[^]*\/two$/)
  await writeStream(stream, Buffer.from(get('/three', LAST)))
  expect(await all(stream)).toMatch(/\r\n\r\n\/three$/)
  await closeWrite(stream)
  expect([await closed(stream), await closed(client.served[0])]).toEqual(['closed', 'closed'])
})

test('the access log names the peer', async () => {
  const entry = Promise.withResolvers<AccessEntry>()
  const client = open(echo, {}, { onAccess: entry.resolve })
  await all(await client.send(get('/x', LAST)))
  expect(await entry.promise).toMatchObject({ remoteHost: PEER, url: '/x', status: 200, bytes: 2 })
})

test('an upload and its answer of many megabytes go through, held back by the slower side', async () => {
  const client = open(async (_request, { incoming }) => {
    let bytes = 0
    for await (const chunk of incoming) bytes += (chunk as Buffer).length
    return new Response(new Uint8Array(bytes).fill(0x61))
  })
  const size = 12 * MiB
  const stream = await client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n${LAST}\r\n`)
  const answer = all(stream)
  for (let sent = 0; sent < size; sent += MiB) await writeStream(stream, new Uint8Array(MiB))
  expect((await answer).length).toBeGreaterThan(size)
})

test('a client that goes away aborts its request', async () => {
  const aborted = Promise.withResolvers<undefined>()
  const begun = Promise.withResolvers<undefined>()
  const client = open((_request, { signal }) => {
    begun.resolve(undefined)
    signal.addEventListener('abort', () => {
      aborted.resolve(undefined)
    })
    return new Promise(() => undefined)
  })
  const stream = await client.send(get('/'))
  await begun.promise
  stream.abort(new Error('gone'))
  await aborted.promise
})

test('headers that do not come in time, and a stream that stays idle, are ended', async () => {
  const client = open(echo, { readHeaderTimeoutMs: 100, idleTimeoutMs: 1 })
  expect(await all(await client.send('GET / HTTP/1.1\r\nHost'))).toBe('')
  const idle = await client.send(get('/x'))
  expect(await until(idle, '/x')).toMatch(/^HTTP\/1\.1 200 /)
  expect(await closed(client.served[1])).not.toBe('open')
})

test('a request that cannot be read is told so', async () => {
  const client = open(echo)
  const stream = await client.send('GET / HTTP/1.1\r\nno header\r\n\r\n')
  expect(await all(stream)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close\r\n\r\n400 Bad Request$/)
  await closeWrite(stream)
  expect(await closed(client.served[0])).toBe('closed')
})

test('one connection too many is reset and told', async () => {
  let refused = 0
  const client = open(echo, { maxConnections: 1, onRefused: () => (refused += 1) })
  const first = await client.send(get('/x'))
  await until(first, '/x')
  await expect(all(await client.send(get('/y')))).rejects.toMatchObject({ code: 'stream_closed' })
  expect(refused).toBe(1)
})

test('a stop ends idle streams, waits for answers under way, and takes no more', async () => {
  const [begun, finish] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
  const client = open(async (request) => {
    if (request.url.endsWith('/slow')) {
      begun.resolve(undefined)
      await finish.promise
    }
    return new Response('done')
  })
  const idle = await client.send(get('/fast'))
  await until(idle, 'done')
  const slow = all(await client.send(get('/slow')))
  await begun.promise
  const stopped = client.server.stop({ graceMs: 60_000 })
  expect(await all(idle)).toBe('')
  await expect(all(await client.send(get('/late')))).rejects.toMatchObject({ code: 'stream_closed' })
  finish.resolve(undefined)
  expect(await slow).toMatch(/\r\n\r\ndone$/)
  await stopped
})

test('a stop that is hurried cuts what is left', async () => {
  const begun = Promise.withResolvers<undefined>()
  const client = open(() => {
    begun.resolve(undefined)
    return new Promise(() => undefined)
  })
  const answer = all(await client.send(get('/')))
  await begun.promise
  await Promise.all([
    expect(answer).rejects.toMatchObject({ code: 'stream_closed' }),
    client.server.stop({ graceMs: 60_000, signal: AbortSignal.abort() })
  ])
})

test('a listener on sockets tells of a connection that is refused', async () => {
  const { listen } = await import('./listen.ts')
  const refused = Promise.withResolvers<undefined>()
  const listeners = await listen({
    targets: [{ host: '127.0.0.1', port: 0 }],
    listener: createSurface({ handler: echo }),
    maxConnections: 1,
    onRefused: () => {
      refused.resolve(undefined)
    }
  })
  onTestFinished(() => listeners.stop({ graceMs: 0 }))
  const [target] = listeners.targets
  if (target === undefined || 'path' in target) throw new Error('no port')
  const { connect } = await import('node:net')
  const sockets = [connect(target.port, '127.0.0.1'), connect(target.port, '127.0.0.1')]
  for (const socket of sockets) socket.on('error', () => undefined)
  await refused.promise
  for (const socket of sockets) socket.destroy()
})
