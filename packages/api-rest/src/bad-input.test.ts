import { ClusterError, pinOf } from '@cluster/api'
import { LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const pin = pinOf(CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'), { name: 'x'.repeat(1000) })
const cluster = new LoneCluster()
const config = {
  ...restApiConfig.defaults,
  httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')],
  readHeaderTimeoutMs: 200,
  readTimeoutMs: 400
}
let api: RestApi
let port = 0
let open = 0
let before: number
const sockets: Socket[] = []

/** What an add leaves open: it counts itself in and out. */
cluster.content.add = async function* (entries) {
  open += 1
  try {
    for await (const entry of entries) {
      if (entry.type === 'file') for await (const part of entry.content) if (part.length < 0) yield* []
    }
    throw new ClusterError('BAD_REQUEST', 'no files to add')
  } finally {
    open -= 1
  }
}

const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length

beforeEach(async () => {
  api = new RestApi({ ...testContext(), cluster }, config)
  await api.beforeStart()
  await api.start()
  port = Number(api.addresses[0]?.getComponents()[1]?.value)
  before = await openFiles()
})
afterEach(async () => {
  // The connections of both sides are gone without anybody stopping the server.
  await Promise.all(sockets.splice(0).map(closed))
  await expect.poll(openFiles).toBeLessThanOrEqual(before)
  expect(open).toBe(0)
  await api.stop()
})

function send(bytes: string | Uint8Array): Socket {
  const socket = connect({ port, host: '127.0.0.1' })
  // A server may close while the client still writes.
  socket.on('error', () => undefined)
  sockets.push(socket)
  socket.write(bytes)
  return socket
}
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else
      socket.once('close', () => {
        resolve()
      })
  })
}

/** Everything until the server closes. */
async function answerTo(bytes: string | Uint8Array): Promise<string> {
  const socket = send(bytes)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  await closed(socket)
  return text
}
const last = 'Host: h\r\nConnection: close\r\n'
const part = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
const post = (more: string): string =>
  `POST /add HTTP/1.1\r\n${last}Content-Type: multipart/form-data; boundary=b\r\n${more}\r\n`

describe('bad input leaves nothing behind', () => {
  it('a head that does not end is cut', async () => {
    expect(await answerTo('GET /id HTTP/1.1\r\nHost: h\r\nX')).toBe('')
  })

  it('many heads that come slowly are cut', async () => {
    const slow = Array.from({ length: 50 }, () => answerTo('GET /id HTTP/1.1\r\n'))
    expect(new Set(await Promise.all(slow))).toEqual(new Set(['']))
  })

  it('an upload that does not go on is cut', async () => {
    const text = await answerTo(`${post('Content-Length: 100000\r\n')}${part}half`)
    expect(text).toMatch(/^(|HTTP\/1\.1 (4|5)\d\d .*)/)
  })

  it('an upload whose client leaves ends', async () => {
    const socket = send(`${post('Content-Length: 100000\r\n')}${part}half`)
    await expect.poll(() => open).toBe(1)
    socket.destroy()
    await expect.poll(() => open).toBe(0)
  })

  it('a multipart without end is an error', async () => {
    const body = `${part}all there is`
    expect(await answerTo(`${post(`Content-Length: ${body.length}\r\n`)}${body}`)).toContain('multipart: NextPart: EOF')
  })

  it.each([
    ['a huge header', `GET /id HTTP/1.1\r\n${last}X: ${'x'.repeat(100_000)}\r\n\r\n`, ' 431 '],
    ['a huge path', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n${last}\r\n`, ' 431 '],
    ['a thousand parameters', `GET /pins?${'a=b&'.repeat(1000)} HTTP/1.1\r\n${last}\r\n`, ' 204 '],
    ['no JSON', `POST /peers HTTP/1.1\r\n${last}Content-Length: 1\r\n\r\n{`, '"error decoding request body"'],
    ['another content type', `POST /add HTTP/1.1\r\n${last}Content-Length: 2\r\n\r\n{}`, "isn't multipart/form-data"],
    ['two lengths', `POST /peers HTTP/1.1\r\n${last}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`, ' 400 '],
    ['a path that is no UTF-8', `GET /pins/%ff HTTP/1.1\r\n${last}\r\n`, '"error decoding Cid: '],
    ['bytes in the path', Buffer.from(`GET /pins/\xff HTTP/1.1\r\n${last}\r\n`, 'latin1'), ' 400 '],
    ['no HTTP', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), ' 400 ']
  ])('%s: a clear error', async (_, bytes, wanted) => {
    expect(await answerTo(bytes)).toContain(wanted)
  })

  it('a million parameters are refused, or cut while they are still sent', async () => {
    const text = await answerTo(`GET /pins?${'a=b&'.repeat(1_000_000)} HTTP/1.1\r\n${last}\r\n`)
    expect(text.slice(0, 13)).toMatch(/^(|HTTP\/1\.1 431 )$/)
  })

  it('a listing whose client leaves ends', async () => {
    const usual = { ...cluster.pins }
    cluster.pins.list = async function* () {
      open += 1
      try {
        for (;;) yield await Promise.resolve([pin])
      } finally {
        open -= 1
      }
    }
    try {
      const socket = send('GET /allocations HTTP/1.1\r\nHost: h\r\n\r\n')
      await once(socket, 'data')
      socket.destroy()
      await expect.poll(() => open).toBe(0)
    } finally {
      Object.assign(cluster.pins, usual)
    }
  })

  it('memory does not grow with what is refused', async () => {
    const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        await answerTo(`GET /pins?${'a=b&'.repeat(100_000)} HTTP/1.1\r\n${last}\r\n`)
      }
    }
    await rounds(20)
    const start = used()
    await rounds(100)
    expect(used() - start).toBeLessThan(100 * 400_000)
  })
})
