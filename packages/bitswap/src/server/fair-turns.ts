/**
 * So many tasks at once, and a queue for each peer behind them: when one ends, the peers take turns. A peer that asks
 * for a hundred thousand blocks does not hold up one that asks for a single one.
 *
 * @see bitswap.md §4.9.3
 */
export class FairTurns {
  readonly #waiting = new Map<string, (() => void)[]>()
  #free: number

  /** @param concurrency - tasks at once */
  constructor(concurrency: number) {
    this.#free = concurrency
  }

  /** Peers whose tasks wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Runs the task when it is the turn of the peer; tasks of one peer begin in their order. */
  async run<T>(peer: string, task: () => T | Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await this.#turn(peer)
    try {
      return await task()
    } finally {
      this.#next()
    }
  }

  #turn(peer: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(peer)
      if (queue === undefined) this.#waiting.set(peer, [resolve])
      else queue.push(resolve)
    })
  }

  #next(): void {
    const first = this.#waiting.entries().next().value
    if (first === undefined) {
      this.#free += 1
      return
    }
    const [peer, queue] = first
    this.#waiting.delete(peer)
    const start = queue.shift()
    // Behind the others, until its next turn.
    if (queue.length > 0) this.#waiting.set(peer, queue)
    start?.()
  }
}
