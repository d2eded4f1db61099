import { DatastoreError, messageOf } from './errors.ts'
import type { DatastoreOperation } from './peer-datastore.ts'

/** Writes the changes of some commits, all or nothing, in their order; `sync` = fsync before it resolves. */
export type WriteBatch = (commits: readonly (readonly DatastoreOperation[])[], sync: boolean) => Promise<void>

/** Largest group that is written at once: above it, one write delays the next callers more than an fsync would. */
export const MAX_GROUP_BYTES = 4 * 1024 * 1024
/** Most bytes that may wait for the disk; a caller that does not wait for its commits runs into this limit. */
export const MAX_QUEUED_BYTES = 256 * 1024 * 1024

interface Waiting {
  readonly operations: readonly DatastoreOperation[]
  readonly durable: boolean
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Group commit: while one write is at the disk, further commits gather and go out as one batch with one fsync. Commits
 * take effect in the order of the calls. A durable commit says nothing about earlier ones that were not: LevelDB may
 * have gone on to a new log in between.
 */
export class CommitQueue {
  readonly #write: WriteBatch
  readonly #waiting: Waiting[] = []
  #bytes = 0
  #running: Promise<void> | undefined

  constructor(write: WriteBatch) {
    this.#write = write
  }

  /** Resolves when the operations are applied (and durable, if asked for). */
  commit(operations: readonly DatastoreOperation[], durable: boolean): Promise<void> {
    let bytes = 0
    for (const operation of operations) {
      bytes +=
        'put' in operation
          ? operation.put.key.uint8Array().length + operation.put.value.byteLength
          : operation.delete.uint8Array().length
    }
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_QUEUED_BYTES) {
      return Promise.reject(new DatastoreError('ERR_DATASTORE_BUSY', 'datastore: too much data waits to be written'))
    }
    this.#bytes += bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operations, durable, bytes, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve() // callers of the same tick join the first group
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#write(
          group.map((waiting) => waiting.operations),
          group.some((waiting) => waiting.durable)
        )
        for (const waiting of group) waiting.resolve()
      } catch (cause) {
        const error =
          cause instanceof DatastoreError
            ? cause
            : new DatastoreError('ERR_DATASTORE_WRITE', `datastore: cannot write: ${messageOf(cause)}`, cause)
        for (const waiting of group) waiting.reject(error)
      }
      for (const waiting of group) this.#bytes -= waiting.bytes
    }
    this.#running = undefined
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes
      if (count > 0 && bytes > MAX_GROUP_BYTES) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }
}
