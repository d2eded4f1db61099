import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

interface Exchange {
  readonly name: string
  readonly request: string
  readonly response: string
}

const url = new URL('../../testing/vectors/http/raw.json', import.meta.url)
const exchanges = JSON.parse(readFileSync(url, 'utf8')) as readonly Exchange[]
/** Those that one peer answers the same; of a 204 without the trailer that the specification advises against. */
const used = [
  'version',
  'no items: 204 declares a trailer',
  'HEAD',
  '405',
  '301',
  '307',
  'preflight',
  'add, bad parameter'
]
/** Headers that no client reads, or that differ by design. */
const ignored = new Set(['date', 'connection', 'keep-alive', 'trailer', 'content-length', 'transfer-encoding'])

const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
const config = { ...restApiConfig.defaults, httpListenMultiaddress: listen }
const api = new RestApi({ ...testContext(), cluster: new LoneCluster() }, config)

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
})
afterAll(() => api.stop())

describe('http/raw.json', () => {
  it.each(used)('%s', async (name) => {
    const exchange = exchanges.find((candidate) => candidate.name === name)
    if (exchange === undefined) throw new Error(`the vectors lack ${name}`)
    const response = await ask(exchange.request)
    expect(partsOf(response)).toEqual(partsOf(exchange.response))
    if (exchange.response.includes('204 No Content')) expect(response).not.toMatch(/^Trailer:/m)
  })
})

/** Sends bytes, then asks for the end of the connection, so that the answer has an end as well. */
async function ask(request: string): Promise<string> {
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  const socket = connect({ host: '127.0.0.1', port }).setEncoding('latin1')
  socket.write(Buffer.from(request, 'latin1'))
  socket.write('GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  // What is asked last answers `204`, the same for all.
  return text.slice(0, text.lastIndexOf('HTTP/1.1 204'))
}

function partsOf(response: string) {
  const end = response.indexOf('\r\n\r\n')
  const [status, ...lines] = response.slice(0, end).split('\r\n')
  const headers = lines
    .map((line): [string, string] => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 2)
    ])
    .filter(([name]) => !ignored.has(name))
    .sort()
  const body = response.slice(end + 4)
  const isChunked = lines.some((line) => line.toLowerCase() === 'transfer-encoding: chunked')
  return { status, headers, body: isChunked ? unchunked(body) : body }
}

function unchunked(body: string): string {
  const [size = ''] = body.split('\r\n', 1)
  const from = size.length + 2
  const length = Number.parseInt(size, 16)
  return length === 0 ? '' : body.slice(from, from + length) + unchunked(body.slice(from + length + 2))
}
