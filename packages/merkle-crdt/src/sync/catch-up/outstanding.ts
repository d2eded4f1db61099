import { wait } from '../deadline.ts'
import { digestKey, type DigestKey } from './digest.ts'

/** A block that the exchange was asked for. */
interface Asked {
  readonly digest: Uint8Array
  readonly arrived: PromiseWithResolvers<Uint8Array>
  users: number
}

/** One question to the exchange. */
export interface Question {
  /** The block, from wherever it comes first; the exchange is not asked any more then. */
  first(get: (signal: AbortSignal) => Promise<Uint8Array>, signal: AbortSignal | undefined): Promise<Uint8Array>
}

/** The blocks that the exchange was asked for and has not brought yet. Some come by the catch-up protocol sooner. */
export class Outstanding {
  readonly #asked = new Map<DigestKey, Asked>()

  digests(): Uint8Array[] {
    return [...this.#asked.values()].map(({ digest }) => digest)
  }

  /** The block came another way. */
  arrived(digest: Uint8Array, bytes: Uint8Array): void {
    this.#asked.get(digestKey(digest))?.arrived.resolve(bytes)
  }

  begin(digest: Uint8Array): Question {
    const key = digestKey(digest)
    const asked = this.#asked.get(key) ?? { digest, arrived: Promise.withResolvers<Uint8Array>(), users: 0 }
    asked.users += 1
    this.#asked.set(key, asked)
    return {
      first: async (get, signal) => {
        const stop = new AbortController()
        const abort = (): void => {
          stop.abort(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
        if (signal?.aborted === true) abort()
        const got = get(stop.signal)
        got.catch(() => undefined) // the other way may have been faster
        try {
          return await wait(Promise.race([got, asked.arrived.promise]), signal)
        } finally {
          signal?.removeEventListener('abort', abort)
          stop.abort(new Error('the block came another way, or nobody waits for it'))
          asked.users -= 1
          if (asked.users === 0) this.#asked.delete(key)
        }
      }
    }
  }
}
