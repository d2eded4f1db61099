import { CrdtError, type MerkleCrdt } from '../src/index.ts'

/** Keeps a copy of a store by its feed of changes alone. */
export class ChangeReader {
  readonly #stop = new AbortController()
  readonly copy = new Map<string, string>()
  /** Ends with the store, or after {@link ChangeReader.stop}. */
  readonly done: Promise<void>

  /** @param former - the end of the reader before: there is one at a time */
  constructor(store: MerkleCrdt, former: Promise<void>, pause: () => Promise<void>) {
    this.done = former.then(() => this.#read(store, pause))
  }

  stop(): void {
    this.#stop.abort()
  }

  async #read(store: MerkleCrdt, pause: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop
    try {
      for await (const page of store.changes({ signal })) {
        for (const change of page) {
          if (change.type === 'put') this.copy.set(change.key, text(change.value))
          else if (change.type === 'delete') this.copy.delete(change.key)
          else await this.#readAll(store)
        }
        await pause()
      }
    } catch (error) {
      // it waited for a snapshot
      const isClosed = error instanceof CrdtError && error.code === 'ERR_CRDT_CLOSED'
      if (!signal.aborted && !isClosed) throw error
    }
  }

  async #readAll(store: MerkleCrdt): Promise<void> {
    this.copy.clear()
    for await (const page of store.list()) for (const { key, value } of page) this.copy.set(key, text(value))
  }
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString('latin1')
}
