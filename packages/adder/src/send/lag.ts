/** The part of its time that an add may wait for one peer alone: half, so a peer may be half as fast as the others. */
const MAX_SHARE = 1 / 2

/**
 * How long the peers of an add have held up those who could go on, and when that is too much.
 */
export class Lag {
  readonly #timeoutMs: number
  readonly #startMs: number
  readonly #heldUpMs = new Map<object, number>()

  /** @param timeoutMs - less than this is never too much */
  constructor(timeoutMs: number, startMs: number) {
    this.#timeoutMs = timeoutMs
    this.#startMs = startMs
  }

  /** Everybody has waited for one of them. */
  add(peer: object, ms: number): void {
    this.#heldUpMs.set(peer, this.#of(peer) + ms)
  }

  /** When a wait for a peer that began at `beginMs` will have been too much. */
  dueMs(peer: object, beginMs: number): number {
    const heldUpMs = this.#of(peer)
    // From here on, what was waited for it makes up the share: heldUp + now - begin = share · (now - start)
    const shareMs = (beginMs - heldUpMs - MAX_SHARE * this.#startMs) / (1 - MAX_SHARE)
    return Math.max(beginMs + this.#timeoutMs - heldUpMs, shareMs)
  }

  #of(peer: object): number {
    return this.#heldUpMs.get(peer) ?? 0
  }
}
