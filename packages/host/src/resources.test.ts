import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import type { Host } from './host.ts'
import type { HostOptions } from './host-options.ts'
import { limitingGater, resourceLimits, thisMachine } from './resources.ts'

const marks = { highWater: 400, lowWater: 100, gracePeriodMs: 0 }
const machine = { memoryBytes: 16 * 1024 ** 3, openFiles: 1024 }
const byDefault = { enabled: true, memoryLimitBytes: 0, fileDescriptorsLimit: 0 }

let running: Host[] = []
afterEach(async () => {
  await Promise.all(running.map((host) => host.stop()))
  running = []
})

async function start(options: Partial<HostOptions> = {}): Promise<Host> {
  const privateKey = await generateKeyPair('Ed25519')
  const host = await createHost({ privateKey, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')], ...options })
  running.push(host)
  return host
}

async function dial(from: Host, to: Host): Promise<void> {
  const [address] = to.addresses()
  await from.connect(await from.importAddress(address ?? expect.unreachable('an address'), { dial: false }))
}

describe('limits', () => {
  it('follow the memory and the open files of the machine', () => {
    expect(resourceLimits(byDefault, marks, machine)).toEqual({
      inbound: 4096,
      pending: 1024,
      inboundPerPeer: 8,
      inboundStreams: 256 + 4 * 128,
      sockets: 512,
      waitingBytes: 4 * 1024 ** 3
    })
  })

  it('are at least twice the high-water mark and 800', () => {
    const small = { ...byDefault, memoryLimitBytes: 1, fileDescriptorsLimit: 7 }
    const limits = resourceLimits(small, marks, machine)
    expect(limits).toMatchObject({ inbound: 800, pending: 1, waitingBytes: 1024 ** 2, sockets: 7 })
    expect(resourceLimits(small, { ...marks, highWater: 1000 }, machine).inbound).toBe(2000)
  })

  it('are none when turned off', () => {
    const limits = resourceLimits({ ...byDefault, enabled: false }, marks, machine)
    expect(new Set(Object.values(limits))).toEqual(new Set([Infinity]))
  })

  it('know this machine', () => {
    expect(thisMachine().openFiles).toBeGreaterThan(0)
    expect(thisMachine().memoryBytes).toBeGreaterThan(0)
  })
})

describe('a host', () => {
  it('refuses connections beyond its sockets, in both directions', async () => {
    const [full, first, second] = await Promise.all([
      start({ resources: { enabled: true, memoryLimitBytes: 0, fileDescriptorsLimit: 1 } }),
      start(),
      start()
    ])
    await dial(first, full)
    await dial(second, full).catch(() => undefined)
    await expect(dial(full, second)).rejects.toMatchObject({ code: 'dial_failed' })
    expect(full.libp2p.getConnections().map(({ remotePeer }) => remotePeer.toString())).toEqual([
      first.peerId.toString()
    ])
  })

  it('takes no more streams of one connection than allowed, and lives on', async () => {
    const [a, b] = await Promise.all([
      start(),
      start({ resources: { enabled: true, memoryLimitBytes: 1024 ** 2, fileDescriptorsLimit: 0 } })
    ])
    await b.libp2p.handle('/test/1', () => undefined, { maxInboundStreams: 10_000 })
    await dial(a, b)
    const open = async (): Promise<unknown> =>
      a.libp2p.dialProtocol(b.peerId, '/test/1', { maxOutboundStreams: 10_000 }).catch(() => undefined)
    const streams = await Promise.all(Array.from({ length: 300 }, open))
    const taken = streams.filter((stream) => stream !== undefined).length
    expect(taken).toBeLessThanOrEqual(256)
    expect(taken).toBeGreaterThan(200)
    expect(b.libp2p.getConnections()).toHaveLength(1)
  })

  it('refuses when too much waits unread, and asks the gater of its owner', async () => {
    const limits = { ...resourceLimits(byDefault, marks, machine), waitingBytes: 100 }
    const open: { readBufferLength: number; writeBufferLength: number }[] = []
    const connection = { direction: 'inbound', streams: open } as unknown as Connection
    const refused: string[] = []
    const asked: unknown[] = []
    const gater = limitingGater(limits, () => [connection], refused.push.bind(refused), {
      denyInboundConnection: (one) => asked.push(one) > 1
    })
    const incoming = {} as Parameters<NonNullable<typeof gater.denyInboundConnection>>[0]
    expect(await gater.denyInboundConnection?.(incoming)).toBe(false)
    expect(await gater.denyInboundConnection?.(incoming)).toBe(true)
    expect(refused).toEqual([])
    open.push({ readBufferLength: 60, writeBufferLength: 40 })
    expect(await gater.denyInboundConnection?.(incoming)).toBe(true)
    expect(refused).toEqual(['no more inbound connections: memory_limit_bytes is reached'])
    expect(asked).toHaveLength(2)
  })
})
