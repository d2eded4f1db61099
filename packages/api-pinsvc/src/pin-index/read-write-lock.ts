/** Many may read at once; who writes is alone. Nobody waits for ever: who comes first goes first. */
export class ReadWriteLock {
  #readers = 0
  #isWriting = false
  readonly #waiting: { readonly isWriter: boolean; readonly go: () => void }[] = []

  async read<T>(work: () => Promise<T>): Promise<T> {
    return await this.#hold(false, work)
  }

  async write<T>(work: () => Promise<T>): Promise<T> {
    return await this.#hold(true, work)
  }

  async #hold<T>(isWriter: boolean, work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#waiting.push({
      isWriter,
      go: () => {
        resolve(undefined)
      }
    })
    this.#next()
    await promise
    try {
      return await work()
    } finally {
      if (isWriter) this.#isWriting = false
      else this.#readers -= 1
      this.#next()
    }
  }

  #next(): void {
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined || this.#isWriting || (first.isWriter && this.#readers > 0)) return
      this.#waiting.shift()
      if (first.isWriter) this.#isWriting = true
      else this.#readers += 1
      first.go()
    }
  }
}
