import type { AbortOptions } from '@libp2p/interface'
import { settle } from './manual-clock.ts'

/** A topic of one peer under test: the test says what arrives, and reads what was sent. */
export class Inbox {
  readonly sent: Uint8Array[] = []
  readonly #waiting: Uint8Array[] = []
  #wake: () => void = () => undefined

  broadcast(data: Uint8Array): Promise<void> {
    this.sent.push(data)
    return Promise.resolve()
  }

  /** A message arrives; resolves when all that follows without time passing has happened. */
  async deliver(data: Uint8Array): Promise<void> {
    this.#waiting.push(data)
    this.#wake()
    await settle()
  }

  /** One reader; ends with its signal. */
  async *messages({ signal }: AbortOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const wake = (): void => {
      this.#wake()
    }
    signal?.addEventListener('abort', wake)
    try {
      while (signal?.aborted !== true) {
        const data = this.#waiting.shift()
        if (data !== undefined) yield data
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }
}
