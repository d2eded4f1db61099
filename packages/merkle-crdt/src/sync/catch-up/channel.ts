import type { AbortOptions } from '@libp2p/interface'
import { CrdtError } from '../../errors.ts'
import type { Clock } from '../../ports.ts'
import { deadline, wait } from '../deadline.ts'
import { decodeMessage, encodeMessage, type CatchUpMessage } from './message.ts'

/** The name of the protocol, by which identify announces it. @see spec/wire-crdt.md §7.3 P10 */
export const CATCH_UP_PROTOCOL = '/ipfs-cluster-ts/crdt/1.0.0'

/** Messages of the protocol both ways, each with its length before it: usually over a libp2p stream. */
export interface CatchUpChannel {
  /** The next message, without its length; `undefined` when the other side said all. One call at a time. */
  read(options: AbortOptions): Promise<Uint8Array | undefined>
  /** Resolves when the other side can take more. One call at a time. */
  write(message: Uint8Array, options: AbortOptions): Promise<void>
  /** Ends both ways, with a reason at once. Idempotent. */
  close(reason?: Error): void
}

/** A channel that speaks messages, and waits for each no longer than `timeoutMs`. */
export class Conversation {
  readonly #channel: CatchUpChannel
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #timeoutMs: number

  constructor(channel: CatchUpChannel, clock: Clock, signal: AbortSignal, timeoutMs: number) {
    this.#channel = channel
    this.#clock = clock
    this.#signal = signal
    this.#timeoutMs = timeoutMs
  }

  /** @throws CrdtError `ERR_CRDT_CATCH_UP`, `ERR_CRDT_FETCH` (too late); what the channel throws */
  async read(timeoutMs = this.#timeoutMs): Promise<CatchUpMessage | undefined> {
    const data = await this.#timed('no message', timeoutMs, (options) => this.#channel.read(options))
    return data === undefined ? undefined : decodeMessage(data)
  }

  async write(message: CatchUpMessage): Promise<void> {
    await this.#timed('the other side does not read', this.#timeoutMs, (options) =>
      this.#channel.write(encodeMessage(message), options)
    )
  }

  close(reason?: Error): void {
    this.#channel.close(reason)
  }

  async #timed<T>(what: string, timeoutMs: number, act: (options: { signal: AbortSignal }) => Promise<T>): Promise<T> {
    const timer = deadline(this.#clock, this.#signal, timeoutMs, what)
    try {
      return await wait(act({ signal: timer.signal }), timer.signal)
    } finally {
      timer.clear()
    }
  }
}

/** What the other side said does not fit what was asked. */
export function unexpected(what: string): CrdtError {
  return new CrdtError('ERR_CRDT_CATCH_UP', what)
}
