import type { Network, Topic, TopicMessage } from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'

/** Most messages that wait for a reader. */
const MAX_WAITING = 1024

/** Decides whether a message on its way arrives. */
export type GossipFilter = (from: PeerId, to: PeerId, topic: string, data: Uint8Array) => boolean

/**
 * Gossip between networks in one process: what one publishes, every subscriber of the topic reads, its publisher
 * included, in the order of publication.
 *
 * @example
 * ```ts
 * const gossip = new MemoryGossip()
 * const topic = gossip.join(testPeerId(1)).subscribe('news')
 * ```
 */
export class MemoryGossip {
  readonly #topics = new Set<MemoryTopic>()
  readonly #filter: GossipFilter

  constructor(filter: GossipFilter = () => true) {
    this.#filter = filter
  }

  /** The network of a peer, as far as gossip goes. */
  join(self: PeerId): Pick<Network, 'subscribe'> {
    return {
      subscribe: (name, validate = () => true) => {
        const topic: MemoryTopic = new MemoryTopic(name, self, validate, {
          publish: (data) => {
            this.#deliver(topic, data)
          },
          others: () => this.#others(topic),
          leave: () => this.#topics.delete(topic)
        })
        this.#topics.add(topic)
        for (const other of this.#others(topic)) {
          queueMicrotask(() => {
            other.noticeSubscriber(self)
            topic.noticeSubscriber(other.self)
          })
        }
        return topic
      }
    }
  }

  #others(topic: MemoryTopic): MemoryTopic[] {
    return [...this.#topics].filter((other) => other !== topic && other.name === topic.name)
  }

  #deliver(topic: MemoryTopic, data: Uint8Array): void {
    for (const to of [topic, ...this.#others(topic)]) {
      if (to !== topic && !this.#filter(topic.self, to.self, topic.name, data)) continue
      queueMicrotask(() => {
        to.receive({ from: topic.self, data })
      })
    }
  }
}

interface Hub {
  publish(data: Uint8Array): void
  others(): MemoryTopic[]
  leave(): void
}

class MemoryTopic implements Topic {
  readonly name: string
  readonly self: PeerId
  readonly #validate: (from: PeerId) => boolean
  readonly #hub: Hub
  readonly #waiting: TopicMessage[] = []
  readonly #listeners = new Set<(peer: PeerId) => void>()
  #wake: () => void = () => undefined
  #open = true

  constructor(name: string, self: PeerId, validate: (from: PeerId) => boolean, hub: Hub) {
    this.name = name
    this.self = self
    this.#validate = validate
    this.#hub = hub
  }

  async publish(data: Uint8Array, options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    if (!this.#open) throw new Error(`not subscribed to ${this.name}`)
    await Promise.resolve()
    this.#hub.publish(data.slice())
  }

  async *messages(options?: AbortOptions): AsyncGenerator<TopicMessage, void, undefined> {
    const signal = options?.signal
    const wake = (): void => {
      this.#wake()
    }
    signal?.addEventListener('abort', wake)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const message = this.#waiting.shift()
        if (message !== undefined) yield message
        else if (!this.#open) return
        else await this.#woken()
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }

  subscribers(): readonly PeerId[] {
    return this.#hub.others().map((topic) => topic.self)
  }

  onSubscribed(fn: (peer: PeerId) => void): () => void {
    this.#listeners.add(fn)
    return () => {
      this.#listeners.delete(fn)
    }
  }

  unsubscribe(): void {
    this.#open = false
    this.#hub.leave()
    this.#wake()
  }

  receive(message: TopicMessage): void {
    if (!this.#open || !this.#validate(message.from)) return
    if (this.#waiting.push(message) > MAX_WAITING) this.#waiting.shift()
    this.#wake()
  }

  noticeSubscriber(peer: PeerId): void {
    for (const listener of this.#listeners) listener(peer)
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
