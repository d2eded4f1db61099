import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createIdentity } from '@cluster/config'
import { createHost } from '@cluster/host'
import { closeWrite, readStream, writeStream } from '@cluster/streams'
import { multiaddr } from '@multiformats/multiaddr'
import { CHUNK_BYTES, type LoopResult, type LoopRole, SOURCE_BYTES } from './bare-loop-role.ts'

/**
 * A process of its own: sends bytes over libp2p streams and nothing else, or takes them and looks at none. It says its
 * address or its result in one line, and ends with its standard input.
 */
const PROTOCOL = '/cluster-bench/bytes/1.0.0'
const role = JSON.parse(process.argv[2] ?? '') as LoopRole
const { privateKey } = await createIdentity()
const secret = role.secret === '' ? {} : { secret: Buffer.from(role.secret, 'hex') }
const host = await createHost({ privateKey, ...secret, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')] })
if (role.receivers === undefined) {
  await host.libp2p.handle(PROTOCOL, async (stream) => {
    for await (const part of readStream(stream)) if (part.byteLength === 0) break
    await closeWrite(stream)
  })
  const [address] = host.libp2p.getMultiaddrs()
  process.stdout.write(`${String(address)}\n`)
} else {
  process.stdout.write(`${JSON.stringify(await send(role.receivers, role.bytes))}\n`)
}
await once(createInterface({ input: process.stdin }), 'close')
await host.stop()

async function send(receivers: readonly string[], bytes: number): Promise<LoopResult> {
  const source = randomBytes(SOURCE_BYTES)
  const streams = await Promise.all(
    receivers.map(async (address) => {
      const peer = await host.importAddress(multiaddr(address), { dial: false })
      return await host.libp2p.dialProtocol(peer, PROTOCOL)
    })
  )
  const before = process.cpuUsage()
  const begun = performance.now()
  await Promise.all(
    streams.map(async (stream) => {
      for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) {
        await writeStream(stream, source.subarray(sent % SOURCE_BYTES, (sent % SOURCE_BYTES) + CHUNK_BYTES))
      }
      await closeWrite(stream)
      for await (const part of readStream(stream)) if (part.byteLength > 0) throw new Error('nothing was to come back')
    })
  )
  const seconds = (performance.now() - begun) / 1000
  const { user, system } = process.cpuUsage(before)
  const hashing = process.cpuUsage()
  for (let hashed = 0; hashed < bytes; hashed += CHUNK_BYTES) {
    const at = hashed % SOURCE_BYTES
    createHash('sha256')
      .update(source.subarray(at, at + CHUNK_BYTES))
      .digest()
  }
  const hashed = process.cpuUsage(hashing)
  return { seconds, cpuSeconds: (user + system) / 1e6, hashSeconds: (hashed.user + hashed.system) / 1e6 }
}
