import type { AbortOptions, PeerId } from '@libp2p/interface'
import { type Gossip, maxMessageLength } from './gossip.ts'
import { HostError } from './host-error.ts'

/** A message of a topic; its signature was verified. */
export interface TopicMessage {
  readonly from: PeerId
  readonly data: Uint8Array
}

/** A gossip topic that this host is subscribed to. */
export interface Topic {
  readonly name: string
  /** Messages that gave way to newer ones because the reader was too slow, or that nobody read. */
  readonly dropped: number
  /**
   * Resolves when the message was handed to the network. Own messages come back in {@link Topic.messages}. Without a
   * subscribed peer it resolves as well.
   *
   * @param data - at most 832 KiB
   * @throws HostError `message_too_large`, `topic_unavailable` after `unsubscribe()`
   */
  publish(data: Uint8Array, options?: AbortOptions): Promise<void>
  /**
   * The messages that arrived since `subscribe`, those of this host included, until `unsubscribe()`. One reader at a
   * time. At most 1024 messages and 16 MiB wait for it; then the oldest give way.
   *
   * @throws HostError `reader_in_use`; the reason of the signal when it is aborted
   */
  messages(options?: AbortOptions): AsyncIterable<TopicMessage>
  /** Peers known to be subscribed, connected now. */
  subscribers(): readonly PeerId[]
  /** Calls back when a connected peer subscribes; returns what ends it. */
  onSubscribed(fn: (peer: PeerId) => void): () => void
  unsubscribe(): void
}

const maxWaiting = 1024
const maxWaitingBytes = 16 * 1024 * 1024

/** How a topic is joined. */
interface JoinOptions {
  /** By the signer of a message: whether it is taken and passed on. Own messages are not asked about. */
  readonly validate?: ((from: PeerId) => boolean) | undefined
  /** Called once, when the topic is unsubscribed. */
  readonly left: () => void
  /** Told of each message that gave way, and how many that were. */
  readonly onDropped?: ((sum: number) => void) | undefined
}

/** Joins a topic. */
export function joinTopic(gossip: Gossip, name: string, options: JoinOptions): Topic {
  return new JoinedTopic(gossip, name, options)
}

class JoinedTopic implements Topic {
  readonly name: string
  readonly #gossip: Gossip
  readonly #waiting: TopicMessage[] = []
  readonly #leave: (() => void)[]
  readonly #onDropped: JoinOptions['onDropped']
  #bytes = 0
  #dropped = 0
  #reading = false
  #left = false
  #wake: (() => void) | undefined

  constructor(gossip: Gossip, name: string, { validate, left, onDropped }: JoinOptions) {
    this.name = name
    this.#onDropped = onDropped
    this.#gossip = gossip
    const off = gossip.onMessage((message) => {
      if (message.topic === name) this.#take(message)
    })
    this.#leave = [off, left]
    gossip.subscribe(name, validate)
  }

  get dropped(): number {
    return this.#dropped
  }

  async publish(data: Uint8Array, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.#left) throw new HostError('topic_unavailable', `topic ${this.name} was left`)
    if (data.byteLength > maxMessageLength) {
      throw new HostError(
        'message_too_large',
        `message of ${data.byteLength} bytes for topic ${this.name}, at most ${maxMessageLength} allowed`
      )
    }
    await this.#gossip.publish(this.name, data)
  }

  async *messages({ signal }: AbortOptions = {}): AsyncGenerator<TopicMessage, void, undefined> {
    if (this.#reading) throw new HostError('reader_in_use', `topic ${this.name} is being read already`)
    this.#reading = true
    const wake = (): void => {
      this.#wake?.()
    }
    signal?.addEventListener('abort', wake)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const message = this.#waiting.shift()
        if (message !== undefined) {
          this.#bytes -= message.data.byteLength
          yield message
        } else if (this.#left) {
          return
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      signal?.removeEventListener('abort', wake)
      this.#reading = false
      this.#wake = undefined
    }
  }

  subscribers(): readonly PeerId[] {
    return this.#left ? [] : this.#gossip.subscribers(this.name)
  }

  onSubscribed(fn: (peer: PeerId) => void): () => void {
    const off = this.#gossip.onSubscribed((peer, topic) => {
      if (topic === this.name) fn(peer)
    })
    this.#leave.push(off)
    return off
  }

  unsubscribe(): void {
    if (this.#left) return
    this.#left = true
    this.#gossip.unsubscribe(this.name)
    for (const leave of this.#leave) leave()
    this.#wake?.()
  }

  #take(message: TopicMessage): void {
    this.#waiting.push({ from: message.from, data: message.data })
    this.#bytes += message.data.byteLength
    while (this.#waiting.length > maxWaiting || this.#bytes > maxWaitingBytes) {
      this.#bytes -= this.#waiting.shift()?.data.byteLength ?? 0
      this.#dropped += 1
      this.#onDropped?.(this.#dropped)
    }
    this.#wake?.()
  }
}
