import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PeerUpdate, Startable } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import type { Host } from './host.ts'
import type { HostOptions } from './host-options.ts'
import { observedAddress } from './observed-address.ts'
import { secretProtector } from './protector.ts'
import { whilePublic } from './while-public.ts'

const secret = new Uint8Array(32).fill(5)
const running: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((stop) => stop()))
})

async function start(listen: readonly string[], options: Partial<HostOptions> = {}): Promise<Host> {
  const privateKey = await generateKeyPair('Ed25519')
  const host = await createHost({ privateKey, secret, listen: listen.map((text) => multiaddr(text)), ...options })
  running.push(() => host.stop())
  return host
}

/** A node that relays, also on a local network. */
async function relayAddress(): Promise<Multiaddr> {
  const relay = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionProtector: () => secretProtector(secret),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), relay: circuitRelayServer() }
  })
  running.push(async () => {
    await relay.stop()
  })
  const [at] = relay.getMultiaddrs()
  return at ?? expect.unreachable('an address')
}

async function connect(from: Host, address: Multiaddr | undefined): Promise<void> {
  await from.connect(await from.importAddress(address ?? expect.unreachable('an address'), { dial: false }))
}

describe('a host', () => {
  it('listens on WebSocket and dials it, under the secret', async () => {
    const [a, b] = await Promise.all([
      start(['/ip4/127.0.0.1/tcp/0/ws']),
      start(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'])
    ])
    expect(b.addresses()).toHaveLength(2)
    const [address] = a.addresses()
    expect(address?.toString()).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\//)
    await connect(b, address)
    expect(b.libp2p.getConnections(a.peerId)[0]?.remoteAddr.toString()).toContain('/ws')
  })

  it('announces what a Go peer on a local network announces, and relays for nobody there', async () => {
    const host = await start(['/ip4/127.0.0.1/tcp/0'], { enableRelayHop: true })
    const protocols = host.libp2p.getProtocols()
    for (const protocol of [
      '/floodsub/1.0.0',
      '/meshsub/1.1.0',
      '/meshsub/1.2.0',
      '/ipfs/id/1.0.0',
      '/ipfs/id/push/1.0.0',
      '/ipfs/lan/kad/1.0.0',
      '/ipfs/ping/1.0.0',
      '/libp2p/autonat/1.0.0',
      '/libp2p/circuit/relay/0.2.0/stop'
    ]) {
      expect(protocols).toContain(protocol)
    }
    expect(protocols).not.toContain('/libp2p/circuit/relay/0.2.0/hop')
  })

  it('is reached through a relay, where no protocol runs that does not ask for it', async () => {
    const at = await relayAddress()
    const hidden = await start([`${at.toString()}/p2p-circuit`])
    const seeker = await start([])
    await hidden.libp2p.handle('/test/1', () => undefined)
    await connect(seeker, multiaddr(`${at.toString()}/p2p-circuit/p2p/${hidden.peerId.toString()}`))
    const [connection] = seeker.libp2p.getConnections(hidden.peerId)
    expect(connection?.limits).toBeDefined()
    await expect(connection?.newStream('/test/1')).rejects.toMatchObject({ name: 'LimitedConnectionError' })
  })

  it('without a public address takes a relay that it is connected with', async () => {
    const at = await relayAddress()
    const hidden = await start(['/ip4/127.0.0.1/tcp/0'])
    const reachable = new Promise<string>((resolve) => {
      hidden.libp2p.addEventListener('self:peer:update', ({ detail }) => {
        const found = detail.peer.addresses.map(({ multiaddr: one }) => one.toString())
        const through = found.find((one) => one.includes('/p2p-circuit'))
        if (through !== undefined) resolve(through)
      })
    })
    await connect(hidden, at)
    const through = await reachable
    expect(through).toContain(at.toString())
    const seeker = await start([])
    await connect(seeker, multiaddr(`${at.toString()}/p2p-circuit/p2p/${hidden.peerId.toString()}`))
    expect(seeker.libp2p.getConnections(hidden.peerId)[0]?.limits).toBeDefined()
  })

  it('asks no router for ports that only this machine can reach', async () => {
    const host = await start(['/ip4/127.0.0.1/tcp/0'], { mapPorts: true })
    expect(Object.keys(host.libp2p.services)).not.toContain('portMapping')
  })
})

describe('a service for public hosts', () => {
  it('runs while there is a public address, made anew each time', async () => {
    const log: string[] = []
    const events = new EventTarget()
    let count = 0
    const service: Startable = whilePublic(() => {
      const number = (count += 1)
      return { start: () => void log.push(`start ${number}`), stop: () => void log.push(`stop ${number}`) }
    })({ events: events as never })
    const addresses = (...texts: string[]): void => {
      const peer = { addresses: texts.map((text) => ({ multiaddr: multiaddr(text) })) }
      events.dispatchEvent(new CustomEvent<PeerUpdate>('self:peer:update', { detail: { peer } as PeerUpdate }))
    }
    const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    await service.start()
    addresses('/ip4/10.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1')
    await settled()
    expect(log).toEqual([])
    addresses('/ip4/10.0.0.1/tcp/1', '/ip4/8.8.8.8/tcp/1')
    addresses('/ip4/8.8.8.8/tcp/1')
    await settled()
    expect(log).toEqual(['start 1'])
    addresses(`/ip4/8.8.8.8/tcp/1/p2p/12D3KooWPT98FXMfDQYavZm66EeVjTqP9Nnehn1gyaydqV8L8BQw/p2p-circuit`)
    await settled()
    addresses('/ip4/8.8.8.8/tcp/1')
    await settled()
    await service.stop()
    addresses('/ip4/8.8.8.8/tcp/1')
    await settled()
    expect(log).toEqual(['start 1', 'stop 1', 'start 2', 'stop 2'])
  })
})

describe('an address at which another peer has reached the host', () => {
  it('is announced when it is public and the other one opened the connection', async () => {
    const confirmed: string[] = []
    const events = new EventTarget()
    const confirmObservedAddr = (address: Multiaddr): void => void confirmed.push(address.toString())
    const service = observedAddress({ events: events as never, addressManager: { confirmObservedAddr } })
    const identified = (direction: string, address: string): void => {
      const detail = { connection: { direction }, observedAddr: multiaddr(address) }
      events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
    }
    await service.start()
    identified('outbound', '/ip4/8.8.8.8/tcp/50123')
    identified('inbound', '/ip4/192.168.1.2/tcp/9096')
    identified('inbound', '/ip4/8.8.8.8/tcp/9096')
    await service.stop()
    identified('inbound', '/ip4/8.8.4.4/tcp/9096')
    expect(confirmed).toEqual(['/ip4/8.8.8.8/tcp/9096'])
  })
})
