import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { PORT_VERSION, type BlockExchange, type ComponentContext, type Network } from '@cluster/api'
import { blockExchangeConformance, MemoryBlocks, testBlock, testContext } from '@cluster/testing'
import { createLibp2p } from 'libp2p'
import { expect, it } from 'vitest'
import bitswap from '../index.ts'
import { systemClock } from '../system-clock.ts'

async function host(): Promise<Libp2p> {
  return await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
    connectionManager: { inboundConnectionThreshold: Infinity }
  })
}

/** Of the network, the exchange uses the host only. */
function contextOf(libp2p: Libp2p): ComponentContext<'exchange'> {
  const network = { libp2p } as Partial<Network> as Network
  return { ...testContext(), clock: systemClock, network }
}

async function created(libp2p: Libp2p): Promise<BlockExchange> {
  const exchange = bitswap.create(contextOf(libp2p), bitswap.config.load(undefined, {}, '.'))
  await exchange.start?.({})
  return exchange
}

blockExchangeConformance('bitswap', async (count) => {
  const hosts = await Promise.all(Array.from({ length: count }, host))
  const exchanges = await Promise.all(hosts.map(created))
  for (const [index, from] of hosts.entries()) {
    for (const to of hosts.slice(index + 1)) await from.dial(to.getMultiaddrs())
  }
  return {
    exchanges,
    stop: async () => {
      for (const exchange of exchanges) await exchange.stop?.({})
      for (const libp2p of hosts) await libp2p.stop()
    }
  }
})

it('is a component of kind exchange', () => {
  expect(bitswap).toMatchObject({ port: PORT_VERSION, kind: 'exchange', name: 'bitswap' })
})

it('touches nothing when it is created, and may be stopped without having been started', async () => {
  const exchange = bitswap.create(contextOf(undefined as never), bitswap.config.load(undefined, {}, '.'))
  await exchange.stop?.({})
})

it('has errors of the port', async () => {
  const libp2p = await host()
  const exchange = bitswap.create(contextOf(libp2p), bitswap.config.load(undefined, {}, '.'))
  const one = testBlock('one')
  const service = exchange.mount('dag', new MemoryBlocks())
  await expect(service.get(one.cid)).rejects.toMatchObject({ name: 'ClusterError', code: 'NOT_READY' })
  await exchange.start?.({})
  const waiting = expect(service.get(one.cid)).rejects.toMatchObject({ name: 'ClusterError', code: 'STOPPED' })
  await new Promise((resolve) => setImmediate(resolve))
  await exchange.stop?.({})
  await waiting
  service.unmount()
  await expect(service.put([one])).rejects.toMatchObject({ name: 'ClusterError', code: 'STOPPED' })
  await libp2p.stop()
})
