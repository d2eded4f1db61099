import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Job } from '../job.ts'
import { anonymousMiB } from '../memory.ts'

const MIB = 1024 * 1024
const BYTES = 1024 * MIB
const CHUNK = Buffer.alloc(64 * 1024, 'x')
const LOOK_MS = 50
/** Runs of each kind, in turn: the best of each counts, since other programs only make them slower. */
const ROUNDS = 3

interface Run {
  readonly mibPerSecond: number
  readonly growthMiB: number
}

/** Sends or takes a gibibyte, in chunks of HTTP, as Kubo and its clients do. */
function daemon(): Server {
  return createServer((incoming, outgoing) => {
    if (incoming.method === 'OPTIONS' || incoming.url === '/api/v0/version') {
      outgoing.writeHead(200).end()
    } else if (incoming.url === '/api/v0/cat') {
      void send((chunk) => outgoing.write(chunk), outgoing).then(() => outgoing.end())
    } else {
      incoming.resume()
      incoming.once('end', () => outgoing.writeHead(200).end('{}'))
    }
  })
}

async function send(write: (chunk: Buffer) => boolean, stream: NodeJS.EventEmitter): Promise<void> {
  for (let sent = 0; sent < BYTES; sent += CHUNK.length) if (!write(CHUNK)) await once(stream, 'drain')
}

async function download(port: number): Promise<void> {
  const outgoing = request({ port, host: '127.0.0.1', method: 'POST', path: '/api/v0/cat', agent: false })
  outgoing.end()
  let taken = 0
  const [incoming] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream]
  incoming.on('data', (chunk: Buffer) => (taken += chunk.length))
  await once(incoming, 'end')
  if (taken !== BYTES) throw new Error(`${taken} bytes arrived`)
}

async function upload(port: number): Promise<void> {
  const outgoing = request({ port, host: '127.0.0.1', method: 'POST', path: '/api/v0/files/write', agent: false })
  const answered = once(outgoing, 'response') as Promise<[NodeJS.ReadableStream]>
  await send((chunk) => outgoing.write(chunk), outgoing)
  outgoing.end()
  const [incoming] = await answered
  incoming.resume()
  await once(incoming, 'end')
}

/** Moves a gibibyte through a process of its own. */
async function through(kind: string, daemonPort: number, move: (port: number) => Promise<void>): Promise<Run> {
  const script = join(import.meta.dirname, 'relay.ts')
  const child = spawn(process.execPath, ['--conditions=@cluster/source', script, kind, daemonPort.toString()], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const pid = child.pid ?? 0
    const before = (await anonymousMiB(pid)) ?? 0
    let most = before
    const look = setInterval(() => void anonymousMiB(pid).then((now = 0) => (most = Math.max(most, now))), LOOK_MS)
    const startedMs = performance.now()
    await move(Number(line))
    const seconds = (performance.now() - startedMs) / 1000
    clearInterval(look)
    return { mibPerSecond: BYTES / MIB / seconds, growthMiB: most - before }
  } finally {
    child.stdin.end()
    await once(child, 'close')
  }
}

const passThrough: Job = async (say) => {
  const server = daemon().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    for (const [name, move] of [
      ['daemon to client', download],
      ['client to daemon', upload]
    ] as const) {
      const best = { bare: 0, proxy: 0 }
      const growth = { bare: 0, proxy: 0 }
      for (let round = 0; round < ROUNDS; round++) {
        for (const kind of ['bare', 'proxy'] as const) {
          const { mibPerSecond, growthMiB } = await through(kind, port, move)
          best[kind] = Math.max(best[kind], mibPerSecond)
          growth[kind] = Math.max(growth[kind], growthMiB)
        }
      }
      say({ name: `1 GiB, ${name}, two sockets and pipeline`, value: best.bare, unit: 'MiB/s' })
      say({ name: `1 GiB, ${name}, the proxy`, value: best.proxy, unit: 'MiB/s' })
      say({ name: 'ratio', value: best.proxy / best.bare, unit: '' })
      say({ name: 'memory growth of the sockets', value: growth.bare, unit: 'MiB' })
      say({ name: 'memory growth of the proxy', value: growth.proxy, unit: 'MiB' })
    }
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

/** What `nx bench api-ipfsproxy` measures. */
export const jobs = { 'pass-through': passThrough }
