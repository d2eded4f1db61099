import type { CID } from 'multiformats/cid'
import { messageOf } from '../errors.ts'
import type { DagBlocks } from '../store/dag-blocks.ts'
import type { Layout } from '../store/layout.ts'
import type { CrdtStorage, Logger } from '../ports.ts'

/** What went wrong, and what is done about it. */
export class Faults {
  readonly #storage: CrdtStorage
  readonly #layout: Layout
  readonly #blocks: DagBlocks
  readonly #log: Logger
  /** Bad blocks. */
  rejected = 0
  lastError: string | undefined

  constructor(storage: CrdtStorage, layout: Layout, blocks: DagBlocks, log: Logger) {
    this.#storage = storage
    this.#layout = layout
    this.#blocks = blocks
    this.#log = log
  }

  /** Something failed and is tried again. */
  failed(error: Error): void {
    this.lastError = error.message
  }

  /** The bytes that are here are not the block: they must not be found again. */
  rejectedBlock(cid: CID): void {
    this.rejected += 1
    this.#blocks.delete(cid).catch((error: unknown) => {
      this.#log.error(`cannot delete ${cid.toString()}: ${messageOf(error)}`)
    })
  }

  /** Something is missing that will not come by itself: a repair has to look for it. */
  markDirty(): void {
    this.#storage
      .commit([{ put: { key: this.#layout.dirty(), value: new Uint8Array() } }], { durable: true })
      .catch((error: unknown) => {
        this.#log.error(`cannot mark the store dirty: ${messageOf(error)}`)
      })
  }
}
