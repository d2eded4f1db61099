import { closeWrite, readStream, writeStream } from '@cluster/streams'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import type { Host } from './host.ts'
import { TrafficMeter } from './traffic.ts'

let running: Host[] = []
afterEach(async () => {
  await Promise.all(running.map((host) => host.stop()))
  running = []
})

async function start(nowMs: () => number): Promise<Host> {
  const privateKey = await generateKeyPair('Ed25519')
  const host = await createHost({ privateKey, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')], nowMs })
  running.push(host)
  return host
}

async function readAll(stream: Stream): Promise<number> {
  let length = 0
  for await (const chunk of readStream(stream)) length += chunk.byteLength
  return length
}

describe('traffic', () => {
  it('is counted by protocol on both sides', async () => {
    let nowMs = 1000
    const [a, b] = await Promise.all([start(() => nowMs), start(() => nowMs)])
    await b.libp2p.handle('/test/1', async (stream) => {
      await readAll(stream)
      await writeStream(stream, new Uint8Array(300_000))
      await closeWrite(stream)
    })
    const [address] = b.addresses()
    await a.connect(await a.importAddress(address ?? expect.unreachable('an address'), { dial: false }))
    const stream = await a.libp2p.dialProtocol(b.peerId, '/test/1')
    await writeStream(stream, new Uint8Array(500))
    await closeWrite(stream)
    expect(await readAll(stream)).toBe(300_000)
    const [ours, theirs] = [a, b].map((host) => host.bandwidth().get('/test/1'))
    expect(ours).toEqual({ totalIn: 300_000n, totalOut: 500n, rateIn: 75_000, rateOut: 125 })
    expect(theirs).toEqual({ totalIn: 500n, totalOut: 300_000n, rateIn: 125, rateOut: 75_000 })
    expect(a.bandwidth().get('/ipfs/id/1.0.0')?.totalIn).toBeGreaterThan(100n)
    nowMs += 60_000
    expect(a.bandwidth().get('/test/1')).toMatchObject({ totalIn: 300_000n })
    expect(a.bandwidth().get('/test/1')?.rateIn).toBeLessThan(1)
  })

  it('of a steady flow has its rate', () => {
    let nowMs = 0
    const meter = new TrafficMeter(() => nowMs)
    const stream = { protocol: '/p', readBufferLength: 0, send: () => true, onData: () => undefined }
    meter.track(stream as unknown as Stream)
    for (; nowMs < 60_000; nowMs += 10) stream.send(...([new Uint8Array(50)] as unknown as []))
    expect(meter.read().get('/p')?.rateOut).toBeGreaterThan(4900)
    expect(meter.read().get('/p')?.rateOut).toBeLessThan(5100)
    expect(meter.read().get('/p')?.rateIn).toBe(0)
  })
})
