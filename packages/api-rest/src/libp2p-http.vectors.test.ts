import { readFileSync } from 'node:fs'
import { createHost, type Host } from '@cluster/host'
import { closeWrite, readStream, writeStream } from '@cluster/streams'
import { LoneCluster, testContext } from '@cluster/testing'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

interface Exchange {
  readonly request: string
  readonly response: string
  /** Set when the recording peer ended the stream. */
  readonly end?: 'eof'
}
interface Answer {
  readonly status: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../testing/vectors/rpc/${name}`, import.meta.url), 'utf8'))
const { cases } = read('libp2p-http.json') as { cases: readonly Exchange[] }
const { hosts } = read('hosts.json') as { hosts: readonly { private_key: string }[] }
const secret = new TextEncoder().encode('throw-away test secret, 32 bytes')

/** Of the moment, of Node's own, or, in a 204, a declaration of a trailer that the specification advises against. */
const ignored = new Set(['date', 'keep-alive', 'trailer'])

const openHost = (index: number, own = secret): Promise<Host> =>
  createHost({
    privateKey: privateKeyFromProtobuf(Buffer.from(hosts[index]?.private_key ?? '', 'base64')),
    secret: own,
    listen: [multiaddr('/ip4/127.0.0.1/tcp/0')],
    dialPeerTimeoutMs: 20_000
  })

let client: Host
let server: Host
let api: RestApi
const lines: string[] = []

beforeAll(async () => {
  ;[client, server] = await Promise.all([openHost(0), openHost(1)])
  const cluster = new LoneCluster(server.peerId)
  const context = testContext({ self: server.peerId })
  const config = { ...restApiConfig.defaults, httpListenMultiaddress: [] }
  api = new RestApi({ ...context, cluster, httpHost: server.libp2p }, config)
  await api.beforeStart()
  await api.start()
  lines.push(...context.lines.map(({ text }) => text))
  const [address] = server.addresses()
  if (address === undefined) throw new Error('the host has no address')
  await client.connect(await client.importAddress(address, { dial: false }))
}, 60_000)
afterAll(async () => {
  await api.stop()
  await Promise.all([client.stop(), server.stop()])
})

describe('rpc/libp2p-http.json', () => {
  it('has requests', () => {
    expect(cases.length).toBe(6)
  })

  it.each(cases.map((one, index) => [index, one.request.split('\r\n', 1)[0] ?? '', one] as const))(
    '%i: %s',
    async (_index, _line, { request, response, end }) => {
      const wanted = answersOf(response)
      const stream = await client.libp2p.dialProtocol(server.peerId, '/libp2p-http')
      await writeStream(stream, Buffer.from(request, 'latin1'))
      let got = ''
      let isOver = false
      for await (const chunk of readStream(stream)) {
        got += Buffer.from(chunk.subarray()).toString('latin1')
        // a connection that is kept does not end by itself: its answers have to say where they end
        if (end === undefined && answersOf(got).length === wanted.length) isOver = true
        if (isOver) break
      }
      await closeWrite(stream)
      if (isOver) stream.abort(new Error('read'))
      expect(isOver).toBe(end === undefined)
      expect(answersOf(got).map(comparable)).toEqual(wanted.map(comparable))
    }
  )

  it('says in the log that it is served', () => {
    const addresses = server.addresses().map((address) => `        ${address.toString()}\n`)
    expect(lines).toEqual([`RESTAPI (libp2p-http): ENABLED. Listening on:\n${addresses.join('')}`])
  })
})

describe('HTTP over libp2p', () => {
  it('is for those who hold the secret', async () => {
    const stranger = await openHost(2, new TextEncoder().encode('another secret, also of 32 bytes'))
    try {
      const [address] = server.addresses()
      await expect(stranger.libp2p.dialProtocol(address ?? [], '/libp2p-http')).rejects.toThrow()
    } finally {
      await stranger.stop()
    }
  })

  it('is refused by a peer that does not serve it', async () => {
    const refusal = server.libp2p.dialProtocol(client.peerId, '/libp2p-http')
    await expect(refusal).rejects.toMatchObject({ name: 'UnsupportedProtocolError' })
  })
})

/** Complete answers, by what their headers say of their length. */
function answersOf(text: string): Answer[] {
  const answers: Answer[] = []
  for (let rest = text; rest !== '';) {
    const endOfHead = rest.indexOf('\r\n\r\n')
    if (endOfHead < 0) break
    const [status = '', ...fields] = rest.slice(0, endOfHead).split('\r\n')
    const headers = fields.map((line): [string, string] => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
    })
    const length = Number(headers.find(([name]) => name === 'content-length')?.[1] ?? 0)
    const end = endOfHead + 4 + length
    if (end > rest.length) break
    answers.push({ status, headers, body: rest.slice(endOfHead + 4, end) })
    rest = rest.slice(end)
  }
  return answers
}

/** Without what differs between peers: of an identity only its keys count. */
function comparable({ status, headers, body }: Answer): object {
  const json = body.startsWith('{"id":') ? { ...(JSON.parse(body) as object), ipfs: undefined } : undefined
  const kept = headers.filter(([name, value]) => {
    if (ignored.has(name) || (name === 'connection' && value === 'keep-alive')) return false
    return json === undefined || name !== 'content-length'
  })
  return { status, headers: kept.sort(), body: json === undefined ? body : Object.keys(json) }
}
