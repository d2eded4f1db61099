import { ClusterError, unreachableId } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import type { Connection, PeerId } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { askConnectedPeers } from './ask-connected-peers.ts'

const [silent, knowing, wanted] = [testPeerId(1), testPeerId(2), testPeerId(3)]
const address = multiaddr(`/ip4/192.0.2.3/tcp/9096/p2p/${wanted.toString()}`)
const other = multiaddr(`/ip4/192.0.2.1/tcp/9096/p2p/${silent.toString()}`)

function finder(known: readonly Multiaddr[]): { find: ReturnType<typeof askConnectedPeers>; asked: PeerId[] } {
  const asked: PeerId[] = []
  const connections = [silent, silent, knowing, wanted].map((remotePeer) => ({ remotePeer }) as Connection)
  const call = (peer: PeerId): Promise<never> => {
    asked.push(peer)
    if (!peer.equals(knowing)) return Promise.reject(new ClusterError('PEER_UNREACHABLE', 'no answer'))
    return Promise.resolve({ ...unreachableId(knowing, ''), clusterPeersAddresses: known } as never)
  }
  return { find: askConnectedPeers({ getConnections: () => connections }, { call }), asked }
}

describe('addresses of a peer', () => {
  it('come from the first connected peer that knows some; one that does not answer is passed over', async () => {
    const { find, asked } = finder([other, address])
    expect((await find(wanted, {})).map(String)).toEqual([address.toString()])
    expect(asked.map(String)).toEqual([silent, knowing].map(String))
  })

  it('are none when nobody knows, and the peer itself is not asked', async () => {
    const { find, asked } = finder([other])
    expect(await find(wanted, {})).toEqual([])
    expect(asked.map(String)).not.toContain(wanted.toString())
  })

  it('are not looked for any more when the search is broken off', async () => {
    const { find } = finder([address])
    await expect(find(wanted, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })
})
