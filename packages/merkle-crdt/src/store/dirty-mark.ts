import type { AbortOptions } from '@libp2p/interface'
import type { Layout } from './layout.ts'
import type { CrdtStorage } from '../ports.ts'

/** Says, across restarts, that blocks are missing which will not come by themselves. @see spec/wire-crdt.md §2.12 */
export class DirtyMark {
  readonly #storage: CrdtStorage
  readonly #layout: Layout
  #isSet = false

  constructor(storage: CrdtStorage, layout: Layout) {
    this.#storage = storage
    this.#layout = layout
  }

  /** As last read or written. */
  get isSet(): boolean {
    return this.#isSet
  }

  async load(options: AbortOptions = {}): Promise<boolean> {
    this.#isSet = await this.#storage.has(this.#layout.dirty(), options)
    return this.#isSet
  }

  async set(): Promise<void> {
    this.#isSet = true
    await this.#storage.commit([{ put: { key: this.#layout.dirty(), value: new Uint8Array() } }], { durable: true })
  }

  async clear(): Promise<void> {
    await this.#storage.commit([{ delete: this.#layout.dirty() }], { durable: true })
    this.#isSet = false
  }
}
