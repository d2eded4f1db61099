import {
  type GossipSub,
  gossipsub,
  type GossipSubComponents,
  type Message,
  TopicValidatorResult
} from '@libp2p/gossipsub'
import type { PeerId, Startable } from '@libp2p/interface'

// The only file that imports the gossip library, whose home may change: TECHNOLOGY.md §6.

/** Settings of the gossip of a host; the names are those of `cluster.pubsub` in service.json. */
export interface GossipOptions {
  /** Time between heartbeats in milliseconds; default 10 s. Meshes form and repair at heartbeats. */
  readonly heartbeatIntervalMs?: number
  /** k: a mesh aims at 6k peers, between 5k and 12k; default 4. */
  readonly dFactor?: number
  /** Heartbeats for which messages are kept for those who ask; default 6. */
  readonly historyLength?: number
  /** Heartbeats of which messages are announced; default 2, at most `historyLength`. */
  readonly historyGossip?: number
  /** Sends own messages to all subscribed peers instead of the mesh; default false. */
  readonly floodPublish?: boolean
  /** Tells pruned peers of others; default true. */
  readonly peerExchange?: boolean
}

/**
 * Largest message that `publish` takes: 1 MiB, which is what Go peers read, less the room for what the library may put
 * into the same frame (announcements of up to 5000 messages). A larger frame costs the stream to a Go peer.
 */
export const maxMessageLength = 832 * 1024
/** The frame limit of Go peers. */
const maxFrameLength = 1024 * 1024
/** Bytes that may wait for one slow peer; beyond, its stream is given up and opened anew later. */
const maxOutboundBuffer = 32 * 1024 * 1024
const seenTtlMs = 30 * 60 * 1000
const idLength = 16

/** A message of a topic as it came from the network; its signature was verified. */
interface GossipMessage {
  readonly topic: string
  readonly from: PeerId
  readonly data: Uint8Array
}

/** What a host needs of a gossip library. */
export interface Gossip {
  subscribe(topic: string, validate: ((from: PeerId) => boolean) | undefined): void
  unsubscribe(topic: string): void
  publish(topic: string, data: Uint8Array): Promise<void>
  subscribers(topic: string): readonly PeerId[]
  /** Peers that speak the protocol, connected now. */
  peers(): readonly PeerId[]
  /** Protocol ids of its streams. */
  readonly protocols: readonly string[]
  onMessage(fn: (message: GossipMessage) => void): () => void
  onSubscribed(fn: (peer: PeerId, topic: string) => void): () => void
  onHeartbeat(fn: () => void): () => void
}

/**
 * The id of a message on every peer of a cluster: the first 16 bytes of the sender's ID, then the 8 bytes of its
 * sequence number. Announcements (IHAVE, IWANT, IDONTWANT) work only when all use the same.
 *
 * @see wire-host-rpc.md §1.8
 */
export function messageId(from: PeerId, sequenceNumber: bigint): Uint8Array {
  const id = new Uint8Array(idLength + 8)
  id.set(from.toMultihash().bytes.subarray(0, idLength))
  new DataView(id.buffer).setBigUint64(idLength, sequenceNumber)
  return id
}

/** The gossip service of a libp2p node with the settings of a cluster. */
export function gossipService(options: GossipOptions): (components: GossipSubComponents) => GossipSub {
  const k = options.dFactor ?? 4
  return (components) => {
    const pubsub = gossipsub({
      globalSignaturePolicy: 'StrictSign',
      msgIdFn: (message) =>
        message.type === 'signed' ? messageId(message.from, message.sequenceNumber) : message.data,
      // Known duplicates are dropped by this before their signature is verified.
      fastMsgIdFn: (message) =>
        Buffer.from(message.from ?? []).toString('latin1') + Buffer.from(message.seqno ?? []).toString('latin1'),
      emitSelf: true,
      allowPublishToZeroTopicPeers: true,
      floodPublish: options.floodPublish ?? false,
      doPX: options.peerExchange ?? true,
      heartbeatInterval: options.heartbeatIntervalMs ?? 10_000,
      seenTTL: seenTtlMs,
      mcacheLength: options.historyLength ?? 6,
      mcacheGossip: options.historyGossip ?? 2,
      D: 6 * k,
      Dlo: 5 * k,
      Dhi: 12 * k,
      Dscore: 4 * k,
      Dout: 2 * k,
      Dlazy: 6 * k,
      idontwantMinDataSize: 1024,
      maxInboundDataLength: maxFrameLength,
      maxOutboundBufferSize: maxOutboundBuffer,
      // Go peers keep no scores. The library's defaults would cut off peers that share one address, as all peers of a
      // cluster on one machine do.
      scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, topics: {} },
      scoreThresholds: {
        gossipThreshold: 0,
        publishThreshold: 0,
        graylistThreshold: 0,
        acceptPXThreshold: 0,
        opportunisticGraftThreshold: 0
      }
    })(components)
    const service = pubsub as GossipSub & Startable
    const stop = service.stop.bind(service)
    service.stop = async () => {
      const timer = nextHeartbeat(pubsub)
      await stop()
      clearTimeout(timer)
    }
    return pubsub
  }
}

/** The library does not clear the timer of its next heartbeat when it stops: a process would wait for it. */
function nextHeartbeat(pubsub: GossipSub): NodeJS.Timeout | undefined {
  return (pubsub as unknown as { readonly status: { readonly heartbeatTimeout?: NodeJS.Timeout } }).status
    .heartbeatTimeout
}

/** The library behind the interface of this package. */
export function gossipOf(pubsub: GossipSub): Gossip {
  return {
    protocols: pubsub.protocols,
    subscribe: (topic, validate) => {
      if (validate !== undefined) pubsub.topicValidators.set(topic, (_source, message) => judge(message, validate))
      pubsub.subscribe(topic)
    },
    unsubscribe: (topic) => {
      pubsub.unsubscribe(topic)
      pubsub.topicValidators.delete(topic)
    },
    publish: async (topic, data) => {
      await pubsub.publish(topic, data)
    },
    subscribers: (topic) => pubsub.getSubscribers(topic),
    peers: () => pubsub.getPeers(),
    onMessage: (fn) => {
      const listener = ({ detail }: CustomEvent<Message>): void => {
        if (detail.type === 'signed') fn({ topic: detail.topic, from: detail.from, data: detail.data })
      }
      pubsub.addEventListener('message', listener)
      return () => {
        pubsub.removeEventListener('message', listener)
      }
    },
    onSubscribed: (fn) => {
      const listener = ({ detail }: CustomEvent<SubscriptionChange>): void => {
        for (const { topic, subscribe } of detail.subscriptions) if (subscribe) fn(detail.peerId, topic)
      }
      pubsub.addEventListener('subscription-change', listener)
      return () => {
        pubsub.removeEventListener('subscription-change', listener)
      }
    },
    onHeartbeat: (fn) => {
      pubsub.addEventListener('gossipsub:heartbeat', fn)
      return () => {
        pubsub.removeEventListener('gossipsub:heartbeat', fn)
      }
    }
  }
}

interface SubscriptionChange {
  readonly peerId: PeerId
  readonly subscriptions: readonly { readonly topic: string; readonly subscribe: boolean }[]
}

function judge(message: Message, validate: (from: PeerId) => boolean): TopicValidatorResult {
  return message.type === 'signed' && validate(message.from) ? TopicValidatorResult.Accept : TopicValidatorResult.Reject
}
