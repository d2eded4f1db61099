/** Pins after which older ones count half: what people pin changes. */
const REMEMBERED_PINS = 1000

/**
 * Learns how many bytes a pin takes, from how the repository grows while pins are done. What is added counts like what
 * is fetched; where the repository shrinks, nothing is learned.
 */
export class PinSize {
  #bytes = 0
  #pins = 0
  #done = 0
  #sizeBefore: bigint | undefined

  /** Bytes of a pin, on average; 0 while nothing is known. */
  get mean(): bigint {
    return this.#pins === 0 ? 0n : BigInt(Math.round(this.#bytes / this.#pins))
  }

  /** A pin was done. */
  pinned(): void {
    this.#done += 1
  }

  /** The repository has this size now. */
  measured(size: bigint): void {
    const growth = this.#sizeBefore === undefined ? -1n : size - this.#sizeBefore
    const done = this.#done
    this.#sizeBefore = size
    this.#done = 0
    if (growth < 0n || done === 0) return
    this.#bytes += Number(growth)
    this.#pins += done
    if (this.#pins <= REMEMBERED_PINS) return
    this.#bytes /= 2
    this.#pins /= 2
  }
}
