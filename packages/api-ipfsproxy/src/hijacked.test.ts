import { ClusterError, PinMode, pinOf } from '@cluster/api'
import { askHttp, testCid } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { request } from 'node:http'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ipfsProxyConfig } from './config.ts'
import { ProxyScene } from './proxy.fixture.ts'

let scene: ProxyScene
beforeEach(async () => {
  scene = await ProxyScene.open()
})
afterEach(() => scene.close())

const post = (port: number, path: string, headers: Record<string, string> = {}, body?: string) =>
  askHttp({ port, method: 'POST', path: `/api/v0/${path}`, headers, ...(body === undefined ? {} : { body }) })
const cids = [1, 2, 3].map((n) => testCid(n).toString())
const [first = '', second = ''] = cids
const multipart = { 'Content-Type': 'multipart/form-data; boundary=b' }
const file = (text: string) =>
  `--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n${text}\r\n--b--\r\n`

describe('pins through the proxy', () => {
  it('pins all arguments with name and mode', async () => {
    const port = await scene.proxy()
    const answer = await post(port, `pin/add?arg=${first}&arg=/ipfs/${second}&name=n&type=direct`)
    expect(JSON.parse(answer.text)).toEqual({ Pins: [first, second] })
    expect([...scene.cluster.pinset.values()].map(({ name, mode, maxDepth }) => [name, mode, maxDepth])).toEqual([
      ['n', PinMode.direct, 0],
      ['n', PinMode.direct, 0]
    ])
    expect(JSON.parse((await post(port, `pin/ls?arg=${first}&arg=${second}&names=true`)).text)).toEqual({
      Keys: { [first]: { Type: 'direct', Name: 'n' }, [second]: { Type: 'direct', Name: 'n' } }
    })
    const both = (await post(port, `pin/ls?arg=${first}&arg=${second}&stream=true`)).text.split('\n')
    expect(both.map((line) => (JSON.parse(line) as { Cid: string }).Cid)).toEqual([first, second])
    expect((await post(port, 'pin/ls?type=indirect')).text).toBe('{"Keys":{}}')
    expect((await post(port, 'pin/ls?name=x')).text).toBe('{"Keys":{}}')
    expect(await post(port, 'pin/ls?type=odd')).toMatchObject({ status: 500 })
  })

  it('pins nothing when one argument is wrong, and says what the cluster says', async () => {
    const port = await scene.proxy()
    expect((await post(port, `pin/add?arg=${first}&arg=/nope/x`)).status).toBe(500)
    expect(scene.cluster.pinset.size).toBe(0)
    scene.cluster.failures.set('pins.pin', new ClusterError('NOT_ENOUGH_PEERS', 'not enough peers'))
    expect(JSON.parse((await post(port, `pin/add?arg=${first}`)).text)).toMatchObject({ Message: 'not enough peers' })
    scene.cluster.failures.set('pins.list', new ClusterError('INTERNAL', 'no pinset'))
    expect(await post(port, 'pin/ls')).toMatchObject({
      status: 500,
      text: expect.stringContaining('no pinset') as string
    })
    expect(await post(port, 'pin/ls?stream=true')).toMatchObject({ status: 500 })
  })

  it('keeps the pin that is updated to itself', async () => {
    const port = await scene.proxy()
    scene.cluster.pinset.set(first, pinOf(testCid(1)))
    expect((await post(port, `pin/update?arg=${first}&arg=${first}`)).status).toBe(200)
    expect([...scene.cluster.pinset.keys()]).toEqual([first])
    expect((await post(port, `pin/update?arg=${second}&arg=${second}`)).status).toBe(500)
  })
})

describe('content through the proxy', () => {
  it('ends an add when the client leaves', async () => {
    const port = await scene.proxy()
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/api/v0/add',
      headers: multipart,
      agent: false
    })
    outgoing.on('error', () => undefined)
    outgoing.write(file('x').slice(0, -10))
    while (!scene.cluster.calls.some(([name]) => name === 'content.add'))
      await new Promise((next) => setImmediate(next))
    outgoing.destroy()
    while (!scene.context.lines.some(({ text }) => text.includes('"POST /api/v0/add HTTP/1.1"'))) {
      await new Promise((next) => setImmediate(next))
    }
    expect(scene.cluster.pinset.size).toBe(0)
  })

  it('maps the options of Kubo', async () => {
    const port = await scene.proxy()
    await post(port, 'add?trickle=true&pin=false&pin-name=pn', multipart, file('x'))
    const [, params] = scene.cluster.calls.at(-1) ?? []
    expect(params).toMatchObject({ layout: 'trickle', noPin: true, name: 'pn' })
    const listed = await post(port, 'add?stream-channels=false', multipart, file('x'))
    expect(JSON.parse(listed.text)).toEqual([{ Name: 'f', Hash: expect.any(String) as string, Size: '1' }])
  })

  it('pins what is put, without a pin of the daemon, and tells what failed late', async () => {
    const port = await scene.proxy()
    scene.daemon.script('/api/v0/block/put', (incoming, outgoing) => {
      incoming.resume()
      outgoing.writeHead(200, { Trailer: 'X-Stream-Error' })
      outgoing.write(`{"Key":"${first}","Size":3}\n{"Key":"${second}","Size":4}\n`)
      outgoing.addTrailers({ 'X-Stream-Error': 'disk full' })
      outgoing.end()
    })
    const answer = await post(port, 'block/put?pin=true&x=1', multipart, file('x'))
    expect(answer).toMatchObject({
      status: 200,
      text: `{"Key":"${first}","Size":3}\n{"Key":"${second}","Size":4}\n`,
      trailers: { 'x-stream-error': 'disk full' }
    })
    expect([...scene.cluster.pinset.keys()]).toEqual([first, second])
    expect(scene.daemon.calls).toEqual(['POST /api/v0/block/put?x=1&pin=false'])
    scene.cluster.failures.set('pins.pin', new Error('no'))
    expect(await post(port, 'block/put?pin=true', multipart, file('x'))).toMatchObject({
      status: 500,
      text: '{"Message":"no; no; disk full","Code":0,"Type":"error"}'
    })
  })

  it('tells of an error inside of an answer that began well', async () => {
    scene.daemon.script('/api/v0/dag/put', (_, outgoing) => {
      outgoing.writeHead(200, { Trailer: 'X-Stream-Error' })
      outgoing.flushHeaders()
      outgoing.addTrailers({ 'X-Stream-Error': 'invalid JSON' })
      outgoing.end()
    })
    const answer = await post(await scene.proxy(), 'dag/put?pin=true', multipart, file('{'))
    expect(answer).toMatchObject({ status: 500, text: expect.stringContaining('invalid JSON') as string })
  })

  it.each(['no JSON at all', '7', '{"Key":"no-cid"}'])('does not pin what a daemon at fault says: %s', async (line) => {
    scene.daemon.script('/api/v0/block/put', (_, outgoing) => outgoing.writeHead(200).end(`${line}\n`))
    const answer = await post(await scene.proxy(), 'block/put?pin=true', multipart, file('x'))
    expect(answer).toMatchObject({ status: 500, text: expect.stringContaining('IPFS answered with') as string })
    expect(scene.cluster.pinset.size).toBe(0)
  })

  it('pins the roots of imports only when told to', async () => {
    const root = `{"Root":{"Cid":{"/":"${first}"},"PinErrorMsg":""}}\n`
    scene.daemon.script('/api/v0/dag/import', (incoming, outgoing) => {
      incoming.resume()
      outgoing.writeHead(200).end(`${root}{"Stats":{"BlockCount":1}}\n`)
    })
    await post(await scene.proxy(), 'dag/import', multipart, file('car'))
    expect(scene.cluster.pinset.size).toBe(0)
    const port = await scene.proxy({ pinImports: true })
    await post(port, 'dag/import?pin-roots=false', multipart, file('car'))
    expect(scene.cluster.pinset.size).toBe(0)
    const answer = await post(port, 'dag/import', multipart, file('car'))
    expect(answer.text).toBe(`${root}{"Stats":{"BlockCount":1}}\n`)
    expect([...scene.cluster.pinset.keys()]).toEqual([first])
  })

  it('tells of peers whose collection failed', async () => {
    const port = await scene.proxy()
    scene.collected = [
      { key: testCid(1), error: '' },
      { key: undefined, error: 'locked' }
    ]
    scene.collectionError = 'gone'
    const answer = await post(port, 'repo/gc')
    expect(answer.text.split('\n').sort()).toEqual(['', '{"Key":null}', '{"Key":null}', `{"Key":{"/":"${first}"}}`])
    expect(answer.trailers['x-stream-error']).toMatch(/^.*gone; locked$/)
    const inLines = await post(port, 'repo/gc?stream-errors=true')
    expect(inLines.text).toContain('{"Key":null,"Error":"locked"}')
    expect(inLines.trailers).toEqual({})
  })
})

describe('headers of the daemon', () => {
  it('are those that it would send, remembered for their time, and asked for again after a failure', async () => {
    let version = 500
    scene.daemon.script('/api/v0/version', (_, outgoing) => {
      version += 1
      outgoing
        .writeHead(200, { 'access-control-expose-headers': 'X-A', 'X-Extra': String(version), 'X-Other': 'o' })
        .end()
    })
    scene.daemon.script('OPTIONS /api/v0/pin/ls', (incoming, outgoing) => {
      const { origin = 'none' } = incoming.headers
      outgoing.writeHead(204, { 'Access-Control-Allow-Origin': origin, 'X-More': 'no' }).end()
    })
    const port = await scene.proxy({ extractHeadersExtra: ['x-EXTRA'], extractHeadersTtlMs: 1000 })
    const headersOf = async () => (await post(port, 'pin/ls', { Origin: 'http://a.b' })).headers
    expect(await headersOf()).toMatchObject({
      'access-control-allow-origin': 'http://a.b',
      'access-control-expose-headers': 'X-A',
      'x-extra': '501',
      server: 'ipfs-cluster/ipfsproxy/1.1.6'
    })
    expect(await headersOf()).toMatchObject({ 'x-extra': '501' })
    await scene.context.clock.advance(1000)
    expect(await headersOf()).toMatchObject({ 'x-extra': '502' })
    const more = await headersOf()
    expect([more['x-other'], more['x-more']]).toEqual([undefined, undefined])
  })

  it('keep pages of other sites out where that is wanted', async () => {
    const port = await scene.proxy({ refuseForeignOrigins: true })
    const from = async (origin: string) => (await post(port, `pin/add?arg=${first}`, { Origin: origin })).status
    expect(await from('http://evil.example')).toBe(403)
    expect(scene.cluster.pinset.size).toBe(0)
    expect(await from(`http://127.0.0.1:${port}`)).toBe(200)
  })
})

describe('the component', () => {
  it('listens at several addresses, writes its log, and says what is behind it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'proxy-'))
    try {
      const any = multiaddr('/ip4/127.0.0.1/tcp/0')
      const socket = multiaddr(`/unix/${encodeURIComponent(join(folder, 'socket'))}`)
      const logFile = join(folder, 'access.log')
      const port = await scene.proxy({ listenMultiaddress: [any, any, socket], logFile }, { ipfsConnector: 'embedded' })
      await post(port, 'pin/ls')
      expect(
        (await askHttp({ socketPath: join(folder, 'socket'), method: 'POST', path: '/api/v0/pin/ls' })).status
      ).toBe(200)
      const told = scene.context.lines.filter(({ text }) => text.startsWith('IPFS Proxy: '))
      expect(told).toHaveLength(4)
      expect(told.at(-1)).toMatchObject({ level: 'warn', text: expect.stringContaining('embedded') as string })
      await scene.close()
      const lines = (await readFile(logFile, 'utf8')).split('\n')
      expect(lines[0]).toMatch(/^127\.0\.0\.1 - - \[.*\] "POST \/api\/v0\/pin\/ls HTTP\/1\.1" 200 11$/)
      expect(lines[1]).toMatch(/^@ - - /)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it.each([
    [{ listen_multiaddress: '/ip4/127.0.0.1/udp/1' }, 'error parsing proxy listen_multiaddress'],
    [{ node_multiaddress: 'nope' }, 'error parsing ipfs node_multiaddress'],
    [{ node_multiaddress: '/ip4/127.0.0.1/udp/1' }, 'error parsing ipfs node_multiaddress'],
    [{ read_timeout: '-1s' }, 'ipfsproxy.read_timeout is invalid'],
    [{ read_timeout: '-1s', idle_timeout: '-1s' }, 'ipfsproxy.idle_timeout invalid'],
    [{ max_header_bytes: 1 }, 'ipfsproxy.max_header_size must be greater or equal to 4096'],
    [{ extract_headers_ttl: 'x' }, 'error parsing ipfsproxy.extract_header_ttl'],
    [{ basic_auth_credentials: {} }, 'ipfsproxy.basic_auth_credentials']
  ])('refuses the configuration %j', (json, message) => {
    expect(() => ipfsProxyConfig.load(json, {}, '.')).toThrow(message)
  })

  it('has the defaults of the reference', () => {
    expect(ipfsProxyConfig.save(ipfsProxyConfig.defaults, 'file')).toEqual({
      listen_multiaddress: '/ip4/127.0.0.1/tcp/9095',
      node_multiaddress: '/ip4/127.0.0.1/tcp/5001',
      log_file: '',
      read_timeout: '0s',
      read_header_timeout: '5s',
      write_timeout: '0s',
      idle_timeout: '1m0s',
      max_header_bytes: 4096
    })
  })
})
