import { askHttp } from '@cluster/testing'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProxyScene } from './proxy.fixture.ts'

const PIECE = Buffer.alloc(65_536)
/** More than sockets and streams take on their own. */
const ENDLESS = 256 * 1024 * 1024
let scene: ProxyScene
beforeEach(async () => {
  scene = await ProxyScene.open()
})
afterEach(() => scene.close())

const answered = async (outgoing: ReturnType<typeof request>): Promise<IncomingMessage> => {
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return incoming
}
const call = (port: number, path: string, headers: Record<string, string> = {}) =>
  request({ port, host: '127.0.0.1', method: 'POST', path, headers, agent: false })

describe('what is passed through', () => {
  it('keeps method, path, query, headers, body and trailers, but for what is of one connection', async () => {
    let body = ''
    scene.daemon.script('/api/v0/files/write', (incoming, outgoing) => {
      void buffer(incoming).then((bytes) => {
        body = bytes.toString()
        outgoing.writeHead(201, 'Made', {
          'X-Two': ['a', 'b'],
          Trailer: 'X-Stream-Error',
          Connection: 'close, X-Hop',
          'X-Hop': '1'
        })
        outgoing.write('part')
        outgoing.addTrailers({ 'X-Stream-Error': 'late' })
        outgoing.end()
      })
    })
    const port = await scene.proxy()
    const headers = {
      'X-Mine': 'yes',
      'X-Drop': '1',
      Connection: 'close, X-Drop',
      'X-Forwarded-For': '192.0.2.1',
      Host: 'my.host'
    }
    const path = '/api/v0/files/write?arg=%2Fa%20b&x=1&x=2'
    const answer = await askHttp({ port, method: 'POST', path, headers, body: 'content' })
    expect([answer.status, answer.text, body]).toEqual([201, 'part', 'content'])
    expect(answer.headers).toMatchObject({ 'x-two': 'a, b', trailer: 'X-Stream-Error' })
    expect(answer.headers).not.toHaveProperty('x-hop')
    expect(answer.trailers).toEqual({ 'x-stream-error': 'late' })
    const [asked] = scene.daemon.requests
    expect([asked?.method, asked?.url]).toEqual(['POST', path])
    expect(asked?.headers).toMatchObject({
      'x-mine': 'yes',
      host: 'my.host',
      'x-forwarded-for': '192.0.2.1, 127.0.0.1'
    })
    expect(asked?.headers).not.toHaveProperty('x-drop')
  })

  it('passes redirects, HEAD and unknown methods on as they are', async () => {
    scene.daemon.script('/webui', (_, outgoing) => outgoing.writeHead(307, { Location: '/webui/' }).end())
    const port = await scene.proxy()
    expect(await askHttp({ port, path: '/webui' })).toMatchObject({ status: 307, headers: { location: '/webui/' } })
    expect(await askHttp({ port, method: 'HEAD', path: '/api/v0/pin/add' })).toMatchObject({ status: 200, text: '' })
    expect((await askHttp({ port, method: 'DELETE', path: '/api/v0/pin/add?arg=x' })).status).toBe(200)
    expect(scene.daemon.calls).toEqual(['GET /webui', 'HEAD /api/v0/pin/add', 'DELETE /api/v0/pin/add?arg=x'])
    expect(scene.cluster.calls).toEqual([])
  })

  it('sends each piece on as it comes, in both directions at once', async () => {
    scene.daemon.script('/api/v0/echo', (incoming, outgoing) => {
      outgoing.flushHeaders()
      incoming.on('data', (chunk: Buffer) => outgoing.write(chunk)).on('end', () => outgoing.end())
    })
    const outgoing = call(await scene.proxy(), '/api/v0/echo')
    outgoing.write('1')
    const incoming = await answered(outgoing)
    for (const piece of ['1', '2', '3']) {
      if (piece !== '1') outgoing.write(piece)
      const [chunk] = (await once(incoming, 'data')) as [Buffer]
      expect(chunk.toString()).toBe(piece)
    }
    outgoing.end()
    await once(incoming.resume(), 'end')
  })

  it('takes no more of an answer than the client does, and no more of an upload than the daemon does', async () => {
    const flood = (stream: Writable): { readonly sent: number } => {
      const state = { sent: 0 }
      const more = (): void => {
        while (state.sent < ENDLESS && stream.write(PIECE)) state.sent += PIECE.length
      }
      stream.on('drain', more).on('error', () => undefined)
      more()
      return state
    }
    const answers: { readonly sent: number }[] = []
    scene.daemon.script('/api/v0/cat', (_, outgoing) => answers.push(flood(outgoing)))
    scene.daemon.script('/api/v0/files/write', () => undefined)
    const port = await scene.proxy()
    const outgoing = call(port, '/api/v0/cat')
    outgoing.end()
    const incoming = await answered(outgoing)
    incoming.pause()
    const upload = call(port, '/api/v0/files/write')
    const floods = [...answers, flood(upload)]
    expect(floods).toHaveLength(2)
    // What does not move any more has reached the limits of sockets and streams.
    const total = (): number => floods.reduce((sum, { sent }) => sum + sent, 0)
    for (let before = -1; before !== total(); await new Promise((resolve) => setTimeout(resolve, 200))) before = total()
    for (const { sent } of floods) expect(sent).toBeLessThan(ENDLESS / 4)
    outgoing.destroy()
    upload.destroy()
  })

  it('ends the call of the daemon when the client leaves', async () => {
    const left = Promise.withResolvers<undefined>()
    scene.daemon.script('/api/v0/log/tail', (_, outgoing) => {
      outgoing.write('line\n')
      outgoing.once('close', () => {
        left.resolve(undefined)
      })
    })
    const outgoing = call(await scene.proxy(), '/api/v0/log/tail')
    outgoing.end()
    await once(await answered(outgoing), 'data')
    outgoing.destroy()
    await left.promise
  })

  it('asks for passwords only when told to, and keeps them from the daemon', async () => {
    const port = await scene.proxy({ basicAuthCredentials: { admin: 'secret' } })
    const path = '/api/v0/version'
    const refused = await askHttp({ port, method: 'POST', path })
    expect(refused).toMatchObject({ status: 401, headers: { 'content-type': 'application/json' } })
    expect(JSON.parse(refused.text)).toEqual({ Message: 'unauthorized: no auth provided', Code: 0, Type: 'error' })
    const headers = { Authorization: `Basic ${Buffer.from('admin:secret').toString('base64')}` }
    expect((await askHttp({ port, method: 'POST', path, headers })).status).toBe(200)
    expect(scene.daemon.requests.map((each) => each.headers.authorization)).toEqual([undefined])
    await askHttp({ port: await scene.proxy(), method: 'POST', path, headers })
    expect(scene.daemon.requests.at(-1)?.headers.authorization).toBe(headers.Authorization)
  })
})

describe('a daemon that is at fault', () => {
  it('does not answer: 502 without a body, and calls of the cluster work', async () => {
    const port = await scene.proxy()
    await scene.daemon.close()
    expect(await askHttp({ port, method: 'POST', path: '/api/v0/version' })).toMatchObject({ status: 502, text: '' })
    const hijacked = await askHttp({ port, method: 'POST', path: '/api/v0/pin/ls' })
    expect([hijacked.status, hijacked.text]).toEqual([200, '{"Keys":{}}'])
    expect(hijacked.headers).not.toHaveProperty('vary')
    const put = await askHttp({ port, method: 'POST', path: '/api/v0/block/put?pin=true', body: 'x' })
    expect([put.status, put.text]).toEqual([500, expect.stringContaining('IPFS does not answer')])
  })

  it('dies in the middle of an answer: the client sees that it is not whole', async () => {
    scene.daemon.script('/api/v0/cat', (_, outgoing) => {
      outgoing.write('half', () => outgoing.socket?.destroy())
    })
    const port = await scene.proxy()
    await expect(askHttp({ port, method: 'POST', path: '/api/v0/cat' })).rejects.toThrow(/aborted|reset|hang up/)
    expect(scene.context.lines.some(({ text }) => text.startsWith('http: proxy error'))).toBe(true)
  })

  it('answers rubbish: 502', async () => {
    scene.daemon.script('/api/v0/id', (incoming) => {
      incoming.socket.end('this is not HTTP\r\n\r\n')
    })
    expect((await askHttp({ port: await scene.proxy(), method: 'POST', path: '/api/v0/id' })).status).toBe(502)
  })

  it('answers before it has taken the upload', async () => {
    scene.daemon.script('/api/v0/files/write', (_, outgoing) => {
      outgoing.writeHead(403, { Connection: 'close', 'Content-Length': 2 }).end('no')
    })
    const outgoing = call(await scene.proxy(), '/api/v0/files/write')
    outgoing.on('error', () => undefined)
    outgoing.write('begin')
    const incoming = await answered(outgoing)
    expect([incoming.statusCode, (await buffer(incoming)).toString()]).toEqual([403, 'no'])
    outgoing.destroy()
  })
})

describe('requests that could be read in two ways', () => {
  /** Sends bytes and answers with what comes back until the end. */
  async function raw(port: number, text: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(text)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(socket, 'close')
    return Buffer.concat(chunks).toString()
  }
  const head = 'POST /api/v0/version HTTP/1.1\r\nHost: x\r\n'
  const smuggled = '0\r\n\r\nPOST /api/v0/shutdown HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'

  it.each([
    ['a length and chunks', `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`],
    ['two lengths', `${head}Content-Length: 0\r\nContent-Length: 70\r\n\r\n${smuggled}`],
    ['a length with a sign', `${head}Content-Length: +4\r\n\r\n${smuggled}`],
    ['an encoding that is not chunked last', `${head}Transfer-Encoding: chunked, identity\r\n\r\n${smuggled}`],
    ['a chunk size that is none', `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n${smuggled}`],
    ['a folded header', `${head}Transfer-Encoding:\r\n chunked, x\r\nContent-Length: 1\r\n\r\n${smuggled}`],
    ['a header with a space before the colon', `${head}Transfer-Encoding : chunked\r\n\r\n${smuggled}`]
  ])('%s: refused, and no second request arrives', async (_, text) => {
    const answer = await raw(await scene.proxy(), text)
    expect(answer).toMatch(/^HTTP\/1\.1 (400|502)/)
    expect(scene.daemon.requests.filter(({ url }) => url === '/api/v0/shutdown')).toEqual([])
  })

  it('finds calls of the cluster under whatever spelling of their path', async () => {
    const port = await scene.proxy()
    for (const path of ['/api/v0/pin%2Fls', '/api/v0/p%69n/ls', 'http://x/api/v0/pin/ls']) {
      expect((await askHttp({ port, method: 'POST', path })).text).toBe('{"Keys":{}}')
    }
    for (const path of ['/api/v0/./pin/ls', '/api/v0/x/../pin/ls', '//api/v0/pin/ls', '/api/v0/%2e/pin/ls']) {
      expect(await askHttp({ port, method: 'POST', path })).toMatchObject({
        status: 301,
        headers: { location: '/api/v0/pin/ls' }
      })
    }
    expect((await askHttp({ port, method: 'POST', path: '/api/v0/%zz' })).status).toBe(400)
    expect(scene.daemon.calls).toEqual([])
  })
})
