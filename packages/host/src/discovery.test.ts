import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import type { Host } from './host.ts'
import type { HostOptions } from './host-options.ts'

let running: Host[] = []
afterEach(async () => {
  await Promise.all(running.map((host) => host.stop()))
  running = []
})

async function start(secret: Uint8Array, options: Partial<HostOptions> = {}): Promise<Host> {
  const privateKey = await generateKeyPair('Ed25519')
  const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
  const host = await createHost({ privateKey, secret, listen, mdnsIntervalMs: 10_000, ...options })
  running.push(host)
  return host
}

function connected(host: Host): Promise<PeerId> {
  return new Promise((resolve) => {
    host.libp2p.addEventListener(
      'peer:connect',
      ({ detail }) => {
        resolve(detail)
      },
      { once: true }
    )
  })
}

describe('hosts on one network', () => {
  it('that know only the secret meet, and remember where; those with another secret stay apart', async () => {
    const secret = crypto.getRandomValues(new Uint8Array(32))
    const stranger = await start(crypto.getRandomValues(new Uint8Array(32)))
    const a = await start(secret)
    const met = connected(a)
    const b = await start(secret)
    expect((await met).toString()).toBe(b.peerId.toString())
    const infos = await a.peerInfos([b.peerId, stranger.peerId])
    expect(infos.map(({ peer }) => peer.toString())).toEqual([b.peerId.toString()])
    expect(stranger.libp2p.getConnections()).toEqual([])
  })
})
