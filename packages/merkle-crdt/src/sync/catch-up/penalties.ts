import { CrdtError } from '../../errors.ts'
import type { Clock } from '../../ports.ts'

/** Most peers remembered; the oldest are forgotten. */
const MAX_PEERS = 1000

/** Peers that lied or failed, and are left alone for a while. */
export class Penalties {
  readonly #clock: Clock
  readonly #lieMs: number
  readonly #faultMs: number
  readonly #untilMs = new Map<string, number>()

  /** @param lieMs - for those who broke the protocol; `faultMs` for those who were slow or went away */
  constructor(clock: Clock, lieMs: number, faultMs: number) {
    this.#clock = clock
    this.#lieMs = lieMs
    this.#faultMs = faultMs
  }

  add(peer: string, error: unknown): void {
    const isLie = error instanceof CrdtError && error.code === 'ERR_CRDT_CATCH_UP'
    this.#untilMs.delete(peer)
    this.#untilMs.set(peer, this.#clock.nowMs() + (isLie ? this.#lieMs : this.#faultMs))
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= MAX_PEERS) return
      this.#untilMs.delete(oldest)
    }
  }

  has(peer: string): boolean {
    return (this.#untilMs.get(peer) ?? -Infinity) > this.#clock.nowMs()
  }
}
