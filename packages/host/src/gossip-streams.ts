import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Gossip } from './gossip.ts'

/**
 * Finds peers to which nothing can be published although they are connected: the gossip library opens its stream once
 * per connection, and when that stream ends (a frame that was too large, a peer that was too slow) everything it
 * publishes reaches nobody there, without an error. Asked at each heartbeat; a peer that lacks the stream twice in a
 * row is given to `reconnect`.
 *
 * @returns what ends the watch
 * @see wire-crdt.md §1.4
 */
export function watchGossipStreams(
  libp2p: Pick<Libp2p, 'getConnections'>,
  gossip: Pick<Gossip, 'onHeartbeat' | 'peers' | 'protocols'>,
  reconnect: (peer: PeerId) => void
): () => void {
  let lacking = new Set<string>()
  return gossip.onHeartbeat(() => {
    const before = lacking
    lacking = new Set()
    for (const peer of gossip.peers()) {
      const connections = libp2p.getConnections(peer)
      if (connections.length === 0) continue
      const streams = connections.flatMap((connection) => connection.streams)
      if (streams.some((stream) => stream.direction === 'outbound' && gossip.protocols.includes(stream.protocol))) {
        continue
      }
      if (before.has(peer.toString())) reconnect(peer)
      else lacking.add(peer.toString())
    }
  })
}
