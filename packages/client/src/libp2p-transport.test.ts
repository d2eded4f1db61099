import { readFile } from 'node:fs/promises'
import { closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Stream } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { describe, expect, it } from 'vitest'
import { ClusterClient, libp2pTransport, LIBP2P_HTTP, type TransportResponse } from './index.ts'

const url = new URL('../../testing/vectors/rpc/libp2p-http.json', import.meta.url)
const { cases } = JSON.parse(await readFile(url, 'utf8')) as { cases: { request: string; response: string }[] }
const PEER = '12D3KooWNcuDFktMtBGUZNW7odwkho3qnovbkf82sy5tUKU8Bydw'

/** What the other end does with a stream. */
type Serve = (stream: Stream) => Promise<void>

/** A transport whose every stream is served by a function, over yamux. */
function transportTo(serve: Serve): { readonly opened: Stream[]; readonly client: ClusterClient } {
  const opened: Stream[] = []
  const [outbound, inbound] = multiaddrConnectionPair({ capacity: 20 })
  const factory = yamux()()
  const local = factory.createStreamMuxer(outbound)
  const remote = factory.createStreamMuxer(inbound)
  remote.addEventListener('stream', ({ detail }) => {
    serve(detail).catch((error: unknown) => {
      detail.abort(error as Error)
    })
  })
  const transport = libp2pTransport({
    connect: async (peer, { signal }) => {
      expect(peer).toBe(PEER)
      signal?.throwIfAborted()
      const stream = await local.createStream()
      opened.push(stream)
      return stream
    }
  })
  return { opened, client: new ClusterClient({ url: `libp2p://${PEER}`, transport }) }
}

/** Reads until the text has what is looked for. */
async function textUntil(stream: Stream, pattern: RegExp): Promise<string> {
  let text = ''
  for await (const chunk of readStream(stream)) {
    text += new TextDecoder('latin1').decode(chunk.subarray())
    if (pattern.test(text)) return text
  }
  return text
}

const answering =
  (response: string, seen: string[] = [], pieces = 1): Serve =>
  async (stream) => {
    seen.push(await textUntil(stream, /\r\n\r\n/))
    const bytes = new TextEncoder().encode(response)
    const size = Math.ceil(bytes.length / pieces)
    for (let at = 0; at < bytes.length; at += size) await writeStream(stream, bytes.subarray(at, at + size))
    await closeWrite(stream)
  }

const chunked = (text: string): string => `${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\nTrailer: X-Stream-Error\r\n\r\n'
const PIN = '{"cid":"QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX","name":"grün"}\n'

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('HTTP over libp2p', () => {
  it('has the protocol of the reference', () => {
    expect(LIBP2P_HTTP).toBe('/libp2p-http')
  })

  it.each([1, 2, 30])('reads what a Go peer has answered, in %i pieces', async (pieces) => {
    const seen: string[] = []
    const [version = expect.unreachable(), , id = expect.unreachable(), , empty = expect.unreachable()] = cases
    const of = (recorded: { response: string }): ClusterClient =>
      transportTo(answering(recorded.response, seen, pieces)).client
    expect(await of(version).version()).toEqual({ version: '1.1.6' })
    expect(seen).toEqual([version.request.replace('Host', 'host')])
    expect(await of(id).id()).toMatchObject({ peername: 'go-raft' })
    expect(await collect(of(empty).allocations())).toEqual([])
  })

  it('reads streams with their trailer', async () => {
    const good = `${STREAM_HEAD}${chunked(PIN.slice(0, 70))}${chunked(PIN.slice(70))}0\r\nX-Stream-Error: \r\n\r\n`
    const { client } = transportTo(answering(good, [], 9))
    expect((await collect(client.allocations())).map(({ name }) => name)).toEqual(['grün'])
    const bad = `${STREAM_HEAD}${chunked(PIN)}0\r\nX-Stream-Error: boom\r\nX-Stream-Error: bang\r\n\r\n`
    const items = transportTo(answering(bad)).client.allocations()
    expect((await items.next()).value).toMatchObject({ name: 'grün' })
    await expect(items.next()).rejects.toMatchObject({ code: 'BROKEN', status: 500, message: 'boom; bang' })
  })

  it('opens a stream for each request, and ends it after the answer', async () => {
    const { client, opened } = transportTo(answering(cases[0]?.response ?? ''))
    await client.version()
    await client.version()
    expect(opened).toHaveLength(2)
    await Promise.all(
      opened.map(async (stream) => {
        if (stream.status !== 'open') return
        await new Promise((resolve) => {
          stream.addEventListener('close', resolve)
        })
      })
    )
  })

  it('sends an upload in chunks', async () => {
    const seen: string[] = []
    const { client } = transportTo(async (stream) => {
      seen.push(await textUntil(stream, /\r\n0\r\n\r\n$/))
      const event = '{"name":"a","cid":"QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX"}\n'
      await writeStream(stream, new TextEncoder().encode(`${STREAM_HEAD}${chunked(event)}0\r\n\r\n`))
    })
    const content = async function* (): AsyncGenerator<Uint8Array> {
      for (const text of ['hel', '', 'lo']) yield await Promise.resolve(new TextEncoder().encode(text))
    }
    const sent: number[] = []
    const events = client.add([{ type: 'file', path: 'a', content: content() }], {}, { onUpload: (n) => sent.push(n) })
    expect((await collect(events)).map(({ name }) => name)).toEqual(['a'])
    expect(sent.at(-1)).toBe(5)
    expect(seen[0]).toMatch(/^POST \/add\?.*&stream-channels=true&.* HTTP\/1\.1\r\n/)
    expect(seen[0]).toContain('\r\n3\r\nhel\r\n2\r\nlo\r\n')
  })

  it('takes an answer that comes before the upload is over', async () => {
    const { client } = transportTo(async (stream) => {
      await textUntil(stream, /\r\n\r\n/)
      const body = '{"code":400,"message":"too much"}'
      const head = `HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\n\r\n`
      await writeStream(stream, new TextEncoder().encode(head + body))
      await closeWrite(stream)
      stream.abort(new Error('no more'))
    })
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) yield await Promise.resolve(new Uint8Array(10_000))
    }
    const events = client.add([{ type: 'file', path: 'a', content: endless() }])
    await expect(events.next()).rejects.toMatchObject({ code: 'REFUSED', status: 400, message: 'too much' })
  })

  it('breaks a stream off when the listing is, and at an abort', async () => {
    const ended = Promise.withResolvers<undefined>()
    const endless: Serve = async (stream) => {
      stream.addEventListener('close', () => {
        ended.resolve(undefined)
      })
      await textUntil(stream, /\r\n\r\n/)
      await writeStream(stream, new TextEncoder().encode(STREAM_HEAD + chunked(PIN)))
    }
    const { client, opened } = transportTo(endless)
    for await (const { name } of client.allocations()) {
      expect(name).toBe('grün')
      break
    }
    await ended.promise
    const abort = new AbortController()
    const items = client.allocations({ signal: abort.signal })
    await items.next()
    const next = items.next()
    abort.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    expect(opened.map(({ status }) => status)).toEqual(['aborted', 'aborted'])
  })

  it.each([
    ['nothing', '', 'UNREACHABLE', 'EOF'],
    ['another protocol', 'SSH-2.0\r\n\r\n', 'UNREACHABLE', 'malformed HTTP response "SSH-2.0"'],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent', 'UNREACHABLE', 'unexpected EOF'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'UNREACHABLE', 'malformed or too long header'],
    ['a line without end', `HTTP/1.1 200 ${'x'.repeat(100_000)}`, 'UNREACHABLE', 'a header line is too long'],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"v', 'UNEXPECTED', 'unexpected EOF'],
    ['a bad length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'UNEXPECTED', 'bad Content-Length "-1"'],
    [
      'bad chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'UNEXPECTED',
      'malformed chunked encoding'
    ]
  ])('tells of %s', async (_what, response, code, message) => {
    const { client } = transportTo(answering(response))
    await expect(client.version()).rejects.toMatchObject({ code, message })
  })

  it('reads a body up to the end of the stream, and skips what only says to go on', async () => {
    const { client } = transportTo(answering('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n{"version":"2"}'))
    expect(await client.version()).toEqual({ version: '2' })
  })

  it('refuses headers with line breaks, and tells why it cannot connect', async () => {
    const transport = libp2pTransport({ connect: () => Promise.reject(new Error('no route')) })
    await expect(new ClusterClient({ url: `libp2p://${PEER}`, transport }).id()).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: 'no route'
    })
    const own = libp2pTransport({ connect: unserved })
    const request = { method: 'GET', url: new URL(`libp2p://${PEER}/id`), headers: { 'x-a': 'b\r\nc: d' } } as const
    const answer: Promise<TransportResponse> = own.send(request)
    await expect(answer).rejects.toThrow('line break')
  })
})

/** A stream that nobody serves. */
async function unserved(): Promise<Stream> {
  const [outbound, inbound] = multiaddrConnectionPair({ capacity: 20 })
  yamux()().createStreamMuxer(inbound)
  return await yamux()().createStreamMuxer(outbound).createStream()
}
