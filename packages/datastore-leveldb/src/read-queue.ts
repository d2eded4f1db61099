/** Most keys of one call of LevelDB; more would hold a thread of the pool for long. */
export const MAX_GROUP_KEYS = 512
/** Calls under way at once: a slow read, as from a cold disk, must not hold up everybody. */
const MAX_READS = 2

interface Waiting<K, T> {
  readonly keys: readonly K[]
  readonly resolve: (values: T[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Gathers reads: while some are under way, further ones wait and go out together. A read alone costs several times what
 * it costs among others, since each call goes to a thread and back. What was written before a read was asked for is
 * seen by it.
 */
export class ReadQueue<K, T> {
  readonly #read: (keys: K[]) => Promise<T[]>
  readonly #waiting: Waiting<K, T>[] = []
  #reads = 0
  #isStarting = false

  /** @param read - gives a value for each key */
  constructor(read: (keys: K[]) => Promise<T[]>) {
    this.#read = read
  }

  /** @param keys - at most {@link MAX_GROUP_KEYS} */
  read(keys: readonly K[]): Promise<T[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject })
      this.#start()
    })
  }

  #start(): void {
    if (this.#isStarting || this.#reads >= MAX_READS || this.#waiting.length === 0) return
    this.#isStarting = true
    // Readers of the same tick join.
    queueMicrotask(() => {
      this.#isStarting = false
      this.#reads += 1
      void this.#readGroup(this.#takeGroup()).finally(() => {
        this.#reads -= 1
        this.#start()
      })
      this.#start()
    })
  }

  async #readGroup(group: readonly Waiting<K, T>[]): Promise<void> {
    try {
      const values = await this.#read(group.flatMap(({ keys }) => keys))
      let at = 0
      for (const { keys, resolve } of group) {
        resolve(values.slice(at, at + keys.length))
        at += keys.length
      }
    } catch (error) {
      // A damaged entry is the trouble only of who asked for it.
      if (group.length === 1) for (const { reject } of group) reject(error)
      else for (const one of group) await this.#readGroup([one])
    }
  }

  #takeGroup(): Waiting<K, T>[] {
    let keys = 0
    let count = 0
    for (const waiting of this.#waiting) {
      keys += waiting.keys.length
      if (count > 0 && keys > MAX_GROUP_KEYS) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }
}
