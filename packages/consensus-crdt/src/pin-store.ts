import type { DatastoreOperation, Pages, ScanRange } from '@cluster/api'
import type { MerkleCrdt, CrdtOperation } from '@cluster/merkle-crdt'
import type { PinStore } from '@cluster/state'
import type { AbortOptions } from '@libp2p/interface'
import { Key, type Pair } from 'interface-datastore'

class KeyNotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'ERR_NOT_FOUND'
}

/** The replicated store as the store of a pinset: its keys are the user keys. @see wire-crdt.md §4.1 */
export class CrdtPinStore implements PinStore {
  readonly #crdt: Pick<MerkleCrdt, 'get' | 'list' | 'commit'>

  constructor(crdt: Pick<MerkleCrdt, 'get' | 'list' | 'commit'>) {
    this.#crdt = crdt
  }

  async get(key: Key, options: AbortOptions = {}): Promise<Uint8Array> {
    const value = await this.#crdt.get(key.toString(), options)
    if (value === undefined) throw new KeyNotFoundError(`not found: ${key.toString()}`)
    return value
  }

  async has(key: Key, options: AbortOptions = {}): Promise<boolean> {
    return (await this.#crdt.get(key.toString(), options)) !== undefined
  }

  /** Always durable. With batching, what was committed is not visible at once. */
  commit(operations: readonly DatastoreOperation[], { signal }: AbortOptions): Promise<void> {
    const changes = operations.map((operation): CrdtOperation => {
      return 'put' in operation
        ? { type: 'put', key: operation.put.key.toString(), value: operation.put.value }
        : { type: 'delete', key: operation.delete.toString() }
    })
    return this.#crdt.commit(changes, signal === undefined ? {} : { signal })
  }

  async *scan({ gte, lt, limit }: ScanRange, options: AbortOptions = {}): Pages<Pair> {
    for await (const page of this.#crdt.list({ ...options, gte: gte.toString(), lt: lt.toString(), limit })) {
      yield page.map(({ key, value }) => ({ key: new Key(key, false), value }))
    }
  }
}
