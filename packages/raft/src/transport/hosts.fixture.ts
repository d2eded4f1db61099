import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'

const MEBIBYTE = 1024 * 1024

/** Hosts on loopback that know each other's addresses. */
export async function connectedHosts(count: number): Promise<Libp2p[]> {
  const hosts = await Promise.all(
    Array.from({ length: count }, () =>
      createLibp2p({
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        connectionManager: { inboundConnectionThreshold: Infinity },
        streamMuxers: [
          yamux({ streamOptions: { maxStreamWindowSize: 2 * MEBIBYTE, maxReadBufferLength: 8 * MEBIBYTE } })
        ]
      })
    )
  )
  for (const host of hosts) {
    for (const other of hosts) {
      if (other !== host) await host.peerStore.merge(other.peerId, { multiaddrs: other.getMultiaddrs() })
    }
  }
  return hosts
}
