import type { CrdtStorage, StorageOperation } from '@cluster/merkle-crdt'
import { Key, type Pair } from 'interface-datastore'

/** A datastore in memory with no more to it than the store needs: what a disk is compared with. */
export class MemoryStorage implements CrdtStorage {
  readonly #values = new Map<string, Uint8Array>()

  has(key: Key): boolean {
    return this.#values.has(key.toString())
  }

  get(key: Key): Uint8Array {
    const value = this.#values.get(key.toString())
    if (value === undefined) throw Object.assign(new Error('not found'), { name: 'NotFoundError' })
    return value
  }

  readMany(keys: readonly Key[]): Promise<(Uint8Array | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#values.get(key.toString())))
  }

  commit(operations: readonly StorageOperation[]): Promise<void> {
    for (const operation of operations) {
      if ('put' in operation) this.#values.set(operation.put.key.toString(), operation.put.value)
      else this.#values.delete(operation.delete.toString())
    }
    return Promise.resolve()
  }

  async *scan(range: { gte: Key; lt: Key; limit?: number }): AsyncGenerator<readonly Pair[]> {
    const [gte, lt] = [range.gte.toString(), range.lt.toString()]
    const keys = [...this.#values.keys()].filter((key) => key >= gte && key < lt).sort()
    await Promise.resolve()
    const pairs = keys.slice(0, range.limit).map((key) => ({ key: new Key(key, false), value: this.get(new Key(key)) }))
    if (pairs.length > 0) yield pairs
  }
}
