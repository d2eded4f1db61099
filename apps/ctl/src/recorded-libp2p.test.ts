import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { serveOnHost, serveStreams } from '@cluster/http'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { runsOf } from './recorded-kinds.fixture.ts'
import { run, withoutLog } from './recorded.fixture.ts'

// As the program does: loaded only when it is needed.
const { createPlainNode } = await import('@cluster/host')
const runs = await runsOf('libp2p')
const SECRET = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'
const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
/** Serves the API over libp2p to everybody who knows user and password. */
let open: Libp2p
/** A peer in a private network, which does not serve its API. */
let closed: Libp2p
const seen: string[] = []

beforeAll(async () => {
  open = await createPlainNode({ listen })
  closed = await createPlainNode({ listen, secret: Buffer.from(SECRET, 'hex') })
  await serveOnHost(
    open,
    serveStreams({
      listener: ({ method = '', url = '', headers }, response) => {
        seen.push(`${method} ${url} ${headers.host ?? ''}`)
        const { authorization } = headers
        const isKnown = authorization === `Basic ${btoa('testuser:testpass')}`
        const why = authorization === undefined ? 'no auth provided' : 'access denied'
        if (isKnown) response.end('{"version":"1.1.6"}\n')
        else response.writeHead(401).end(`{"code":401,"message":"unauthorized: ${why}"}\n`)
      }
    })
  )
})
afterAll(async () => {
  await Promise.all([open.stop(), closed.stop()])
})

/** Where somebody listens and never answers. */
async function silentPort(): Promise<string> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port.toString()
}

/** Port and peer ID of a node, in place of those of the recording. */
function placed(text: string, node: Libp2p, at?: string): string {
  const [address = ''] = node.getMultiaddrs().map(String)
  const [, , , , port = '', , peer = ''] = address.split('/')
  return text.replaceAll(/(?<=tcp\/)23\d{3}(?=[/\]])/g, at ?? port).replaceAll(/12D3Koo\w+/g, peer)
}

describe('an API over libp2p', () => {
  it.each(runs)('$id', async ({ id, argv, stdout, stderr, exit }) => {
    const node = id.startsWith('auth-') ? open : closed
    // A Go peer that hears nonsense in its private network says nothing; ours ends the connection at once.
    const at = id === 'live-libp2p-host' ? await silentPort() : undefined
    const result = await run(argv.map((word) => (word.startsWith('/') ? placed(word, node, at) : word)))
    const expected = { stdout: placed(stdout, node, at), stderr: withoutLog(stderr), exit }
    expect({ ...result, stderr: withoutLog(result.stderr) }).toEqual(expected)
  })

  it('is asked by the peer ID', () => {
    const peer = open.peerId.toString()
    expect([...new Set(seen)].sort()).toEqual([`GET /id ${peer}`, `GET /version ${peer}`])
  })

  it('that nobody serves is told; the next host is asked', async () => {
    const peer = closed.peerId.toString()
    const gone = `/ip4/127.0.0.1/tcp/1/p2p/${peer}`
    const there = open.getMultiaddrs().map(String)[0] ?? ''
    const refused = await run(['--host', gone, 'id'])
    expect(refused.exit).toBe(1)
    expect(refused.stdout).toContain(`failed to dial ${peer}: all dials failed\n  * [/ip4/127.0.0.1/tcp/1] `)
    const words = ['--host', `${gone},${there}`, '-f', '--basic-auth', 'testuser:testpass', 'version']
    expect(await run(words)).toEqual({ stdout: '1.1.6\n', stderr: '', exit: 0 })
  })

  it('with a secret is not that of a peer without one', async () => {
    const there = open.getMultiaddrs().map(String)[0] ?? ''
    const result = await run(['--secret', SECRET, '--host', there, 'version'])
    expect(result.exit).toBe(1)
    expect(result.stdout).toContain('failed to negotiate security protocol: ')
  })
})
