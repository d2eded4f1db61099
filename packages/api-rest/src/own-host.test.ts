import { createPlainNode } from '@cluster/host'
import { dialHttp } from '@cluster/http'
import { LoneCluster, testContext } from '@cluster/testing'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const key = await generateKeyPair('Ed25519')
const id = peerIdFromPrivateKey(key)
const baseDir = await mkdtemp(join(tmpdir(), 'api-rest-'))
const config = restApiConfig.load(
  {
    http_listen_multiaddress: '/ip4/127.0.0.1/tcp/0',
    libp2p_listen_multiaddress: '/ip4/127.0.0.1/tcp/0',
    id: id.toString(),
    private_key: Buffer.from(privateKeyToProtobuf(key)).toString('base64'),
    basic_auth_credentials: { admin: 'secret' },
    http_log_file: 'access.log'
  },
  {},
  baseDir
)
const context = testContext({ baseDir })
const api = new RestApi({ ...context, cluster: new LoneCluster() }, config)
let client: Libp2p
let address: string

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
  address = context.lines.flatMap(({ text: line }) => /\/ip4\/127\S+\/p2p\/\S+/.exec(line) ?? [])[0] ?? ''
  client = await createPlainNode()
})
afterAll(async () => {
  await client.stop()
  await api.stop()
  await rm(baseDir, { recursive: true })
})

describe('a libp2p host of its own', () => {
  it('has the configured identity, and says where it listens', () => {
    expect(address).toMatch(new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/[1-9]\\d*/p2p/${id.toString()}$`))
  })

  it('serves the API to users', async () => {
    const answer = await ask('GET', '/version', { authorization: basic('admin:secret') })
    expect(answer).toMatchObject({ status: 200, body: '{"version":"1.1.6"}\n' })
  })

  it('asks who it is', async () => {
    expect(await ask('GET', '/version')).toMatchObject({
      status: 401,
      body: '{"code":401,"message":"unauthorized: no auth provided"}\n'
    })
    expect((await ask('GET', '/id', { authorization: basic('admin:x') })).body).toContain('access denied')
  })

  it('takes uploads, and has trailers', async () => {
    const headers = { authorization: basic('admin:secret'), 'content-type': 'multipart/form-data; boundary=b' }
    const body = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n'
    const answer = await ask('POST', '/add', headers, body)
    expect([answer.status, answer.headers['trailer']]).toEqual([200, 'X-Stream-Error'])
    expect(JSON.parse(answer.body)).toMatchObject({ name: 'a.txt' })
  })

  it('has the ID of the client in the access log', async () => {
    await ask('GET', '/health')
    const log = await readFile(join(baseDir, 'access.log'), 'utf8')
    expect(log.startsWith(`${client.peerId.toString()} - - [`)).toBe(true)
  })

  it('knows no secret: who has one is refused', async () => {
    const member = await createPlainNode({ secret: new Uint8Array(32).fill(7) })
    try {
      await expect(dialHttp(member, multiaddr(address))).rejects.toThrow()
    } finally {
      await member.stop()
    }
  })

  it('cannot listen where another does', async () => {
    const port = /tcp\/(\d+)/.exec(address)?.[1] ?? ''
    const taken = { ...config, libp2pListenMultiaddress: [multiaddr(`/ip4/127.0.0.1/tcp/${port}`)] }
    const other = new RestApi({ ...testContext({ baseDir }), cluster: new LoneCluster() }, taken)
    await expect(other.beforeStart()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('the port is in use by another program') as string
    })
    await other.stop()
  })
})

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function ask(method: string, path: string, headers = {}, body?: string): Promise<Answer> {
  const socket = await dialHttp(client, multiaddr(address))
  return await new Promise((resolve, reject) => {
    const sent = request({ method, path, headers, host: id.toString(), createConnection: () => socket }, (answer) => {
      text(answer).then((content) => {
        resolve({ status: answer.statusCode, headers: answer.headers, body: content })
      }, reject)
    })
    sent.on('error', reject).end(body)
  })
}
