import { RPC_PROTOCOL, TrackerStatus } from '@cluster/api'
import { ClusterClient } from '@cluster/client'
import { createIdentity } from '@cluster/config'
import { createHost, type Host } from '@cluster/host'
import { RpcClient } from '@cluster/rpc'
import { rpcMethods } from '@cluster/wire'
import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import type { Job } from '../job.ts'
import { BenchPeers, type BenchPeer } from './bench-peers.ts'

const CALLERS = 32
const PINS = 1000
const MIN_SECONDS = 5
const RAW = 0x55

/** A member of the peer's network that is no cluster peer: it calls, or listens. */
export async function joinNetwork({ address }: BenchPeer, secret: Uint8Array): Promise<{ host: Host; peer: PeerId }> {
  const { privateKey } = await createIdentity()
  const host = await createHost({ privateKey, secret, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')] })
  const peer = await host.importAddress(address, { dial: false })
  await host.connect(peer)
  return { host, peer }
}

/** Calls a second: unary ones, and items of streams. */
export const rpc: Job = async (say) => {
  await using peers = await BenchPeers.create()
  const target = await peers.start()
  const client = new ClusterClient({ url: target.restUrl })
  for (let index = 0; index < PINS; index++) {
    await client.pin(CID.createV1(RAW, identity.digest(new TextEncoder().encode(`pin ${index.toString()}`))))
  }
  client.close()
  const { host, peer } = await joinNetwork(target, peers.secret)
  try {
    const caller = new RpcClient({ libp2p: host.libp2p, protocol: RPC_PROTOCOL, methods: rpcMethods })
    const unary = await perSecond(CALLERS, async () => {
      await caller.call(peer, 'Cluster.ID', undefined, {})
      return 1
    })
    say({ name: `RPC calls, unary (Cluster.ID, ${CALLERS.toString()} at once)`, value: unary, unit: '/s' })
    const streamed = await perSecond(4, async () => {
      let items = 0
      const statuses = caller.stream(peer, 'PinTracker.StatusAll', filterOf(), {})[Symbol.asyncIterator]()
      while ((await statuses.next()).done !== true) items++
      return items
    })
    say({ name: `RPC items, streamed (PinTracker.StatusAll, ${PINS.toString()} pins)`, value: streamed, unit: '/s' })
  } finally {
    await host.stop()
  }
}

async function* filterOf(): AsyncGenerator<TrackerStatus> {
  yield await Promise.resolve(TrackerStatus.undefined)
}

/** How many a second, over some seconds, with so many callers at once. */
async function perSecond(callers: number, call: () => Promise<number>): Promise<number> {
  await call()
  const begun = performance.now()
  const end = begun + MIN_SECONDS * 1000
  let done = 0
  const caller = async (): Promise<void> => {
    while (performance.now() < end) {
      const items = await call()
      done += items
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return (done * 1000) / (performance.now() - begun)
}
