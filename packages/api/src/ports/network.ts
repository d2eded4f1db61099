import type { AbortOptions, Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A message of a topic; its signature was verified. */
export interface TopicMessage {
  readonly from: PeerId
  readonly data: Uint8Array
}

/** A gossip topic. */
export interface Topic {
  readonly name: string
  /** Resolves when the message was handed to the network; own messages come back in `messages`. */
  publish(data: Uint8Array, options?: AbortOptions): Promise<void>
  /** One reader. Bounded: the oldest messages give way, and are counted. */
  messages(options?: AbortOptions): AsyncIterable<TopicMessage>
  subscribers(): readonly PeerId[]
  /** Calls back when a peer subscribes; returns what ends it. */
  onSubscribed(fn: (peer: PeerId) => void): () => void
  unsubscribe(): void
}

/** The peer's own libp2p host, as components see it. */
export interface Network {
  readonly libp2p: Libp2p
  /** `validate` decides by the sender whether a message is taken and passed on. */
  subscribe(topic: string, validate?: (from: PeerId) => boolean): Topic
  /** Holds on to the connection with a peer. */
  keep(peer: PeerId, tag: string): Promise<void>
  /** @throws {ClusterError} `PEER_UNREACHABLE` */
  connect(peer: PeerId, options: AbortOptions): Promise<void>
  importAddress(
    address: Multiaddr,
    options: AbortOptions & { readonly dial: boolean; readonly ttlMs?: number; readonly priority?: number }
  ): Promise<PeerId>
  /** Connects to known peers until `count` answer; returns those connected. */
  bootstrap(
    count: number,
    options: AbortOptions & { readonly byPriority: boolean; readonly force: boolean }
  ): Promise<readonly PeerId[]>
  refreshRouting(options: AbortOptions): Promise<void>
  savePeerstore(): Promise<void>
}
