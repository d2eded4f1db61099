/** What happened to a key; `resync`: compare with the store (at the start, after a first sync, after an overflow). */
export type CrdtChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'resync' }

/** Keys that may wait for the reader; beyond it they become one `resync`. */
export const MAX_PENDING_CHANGES = 16_384
/** Most changes handed out at once. */
const MAX_CHANGES_PER_READ = 1024

/**
 * Which keys changed, pulled by one reader. Only keys wait, and their values are read when they are pulled: so a key
 * that changed a hundred times is one change, with its latest value.
 *
 * @see spec/wire-crdt.md §1.8
 */
export class ChangeFeed {
  readonly #read: (keys: readonly string[], signal: AbortSignal) => Promise<(Uint8Array | undefined)[]>
  readonly #keys = new Set<string>()
  #isResyncDue = true
  #isClosed = false
  #isRead = false
  #wake: (() => void) | undefined

  constructor(read: (keys: readonly string[], signal: AbortSignal) => Promise<(Uint8Array | undefined)[]>) {
    this.#read = read
  }

  add(keys: Iterable<string>): void {
    if (this.#isResyncDue) return // it covers them
    for (const key of keys) {
      this.#keys.add(key)
      if (this.#keys.size > MAX_PENDING_CHANGES) {
        this.resync()
        return
      }
    }
    if (this.#keys.size > 0) this.#wake?.()
  }

  resync(): void {
    this.#keys.clear()
    this.#isResyncDue = true
    this.#wake?.()
  }

  /** Ends the reader's loop. */
  close(): void {
    this.#isClosed = true
    this.#wake?.()
  }

  /**
   * The changes, `resync` first. A break, and a new reader starts with `resync` again.
   *
   * @throws Error if there is a reader already
   */
  async *read(signal: AbortSignal): AsyncGenerator<readonly CrdtChange[]> {
    if (this.#isRead) throw new Error('changes: one reader at a time')
    this.#isRead = true
    this.resync()
    const onAbort = (): void => this.#wake?.()
    signal.addEventListener('abort', onAbort)
    try {
      for (;;) {
        signal.throwIfAborted()
        if (this.#isClosed) return
        if (this.#isResyncDue) {
          this.#isResyncDue = false
          yield [{ type: 'resync' }]
          continue
        }
        const keys = [...this.#keys].slice(0, MAX_CHANGES_PER_READ)
        if (keys.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
          this.#wake = undefined
          continue
        }
        for (const key of keys) this.#keys.delete(key)
        const values = await this.#read(keys, signal)
        yield keys.map((key, index): CrdtChange => {
          const value = values[index]
          return value === undefined ? { type: 'delete', key } : { type: 'put', key, value }
        })
      }
    } finally {
      this.#isRead = false
      this.#wake = undefined
      signal.removeEventListener('abort', onAbort)
    }
  }
}
