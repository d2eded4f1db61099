import type { Broadcaster } from '../src/index.ts'

/** What a {@link GossipPort} needs of the world. */
export interface GossipHooks {
  /** Hands a message to the network; throws or waits as the network does. */
  publish(data: Uint8Array, signal: AbortSignal | undefined): Promise<void>
}

/** The topic as one process sees it. */
export class GossipPort implements Broadcaster {
  readonly #hooks: GossipHooks
  readonly #inbox: Uint8Array[] = []
  #wake: () => void = () => undefined

  constructor(hooks: GossipHooks) {
    this.#hooks = hooks
  }

  broadcast(data: Uint8Array, { signal }: { signal?: AbortSignal }): Promise<void> {
    return this.#hooks.publish(data, signal)
  }

  /** A message arrived. */
  receive(data: Uint8Array): void {
    this.#inbox.push(data)
    this.#wake()
  }

  async *messages({ signal }: { signal?: AbortSignal }): AsyncGenerator<Uint8Array> {
    const onAbort = (): void => {
      this.#wake()
    }
    signal?.addEventListener('abort', onAbort)
    try {
      while (signal?.aborted !== true) {
        const data = this.#inbox.shift()
        if (data !== undefined) yield data
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }
}
