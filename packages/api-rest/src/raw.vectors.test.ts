import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { ClusterError } from '@cluster/api'
import { LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

interface Exchange {
  readonly name: string
  readonly request: string
  readonly response: string
  readonly ends: 'server closes' | 'connection stays open'
}

const url = new URL('../../testing/vectors/http/raw.json', import.meta.url)
const exchanges = JSON.parse(readFileSync(url, 'utf8')) as readonly Exchange[]
/** Those that a peer alone answers the same; of a 204 without the trailer that the specification advises against. */
const used = [
  'version',
  'header too large',
  'no Host header',
  'not HTTP',
  'add, array, error',
  'no items: 204 declares a trailer',
  'HEAD',
  '405',
  '301',
  '307',
  'preflight',
  'add, bad parameter'
]
/** The moment; and in a 204 a declaration of trailers, which the specification advises against. */
const isFree = (name: string, status: string): boolean =>
  name === 'date' || (name === 'trailer' && status.includes(' 204 '))

const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
const config = { ...restApiConfig.defaults, httpListenMultiaddress: listen }
const cluster = new LoneCluster()
const api = new RestApi({ ...testContext(), cluster }, config)

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
})
afterAll(() => api.stop())

describe('http/raw.json', () => {
  it.each(used)('%s', async (name) => {
    const exchange = exchanges.find((candidate) => candidate.name === name)
    if (exchange === undefined) throw new Error(`the vectors lack ${name}`)
    // The core of this test has no chunkers.
    if (exchange.request.includes('chunker=foo')) {
      cluster.failures.set('content.add', new ClusterError('BAD_REQUEST', 'unrecognized chunker option: foo'))
    }
    const response = await ask(exchange.request, exchange.ends === 'server closes')
    expect(partsOf(response)).toEqual(partsOf(exchange.response))
    if (exchange.response.includes('204 No Content')) expect(response).not.toMatch(/^Trailer:/m)
  })
})

/**
 * Sends bytes, and then asks for the end of the connection, so that the answer has an end as well where the server does
 * not end it.
 */
async function ask(request: string, isEnded: boolean): Promise<string> {
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  const socket = connect({ host: '127.0.0.1', port }).setEncoding('latin1')
  socket.write(Buffer.from(request, 'latin1'))
  if (!isEnded) socket.write('GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  // What is asked last answers `204`, the same for all.
  return isEnded ? text : text.slice(0, text.lastIndexOf('HTTP/1.1 204'))
}

/** The lines of the head in the order of their names: it means nothing. All else is compared as it is. */
function partsOf(response: string) {
  const end = response.indexOf('\r\n\r\n')
  const [status = '', ...lines] = response.slice(0, end).split('\r\n')
  const headers = lines
    .map((line): [string, string] => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 2)
    ])
    .filter(([name]) => !isFree(name, status))
    .sort()
  const body = response.slice(end + 4)
  return { status, headers, body }
}
