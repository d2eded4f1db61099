/** A terminal line is written anew at most this often. */
const INTERVAL_MS = 200

/** How many pins a long command has come by, in one line of the terminal that is written over; nothing elsewhere. */
export class Progress {
  readonly #isShown: boolean
  #verb: string
  #count = 0
  #lastMs = -Infinity
  #hasLine = false

  constructor(verb: string, isWanted = true) {
    this.#verb = verb
    this.#isShown = isWanted && process.stderr.isTTY
  }

  add(pins: number): void {
    this.set(this.#verb, this.#count + pins)
  }

  set(verb: string, count: number): void {
    this.#verb = verb
    this.#count = count
    const nowMs = performance.now()
    if (!this.#isShown || nowMs - this.#lastMs < INTERVAL_MS) return
    this.#lastMs = nowMs
    this.#hasLine = true
    process.stderr.write(`\r${verb} ${count.toLocaleString('en-US')} pins …`)
  }

  /** Takes the line away. */
  end(): void {
    if (this.#hasLine) process.stderr.write('\r\u001b[K')
  }
}
