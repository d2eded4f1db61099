import type { AbortOptions } from '@libp2p/interface'
import type { Key, Pair } from 'interface-datastore'
import { NotFoundError } from '../errors.ts'
import { readMany } from './draft.ts'
import type { CrdtStorage, StorageOperation } from '../ports.ts'
import { compareBytes } from '../wire/uvarint.ts'

/** What a commit on its way makes of a key; `undefined`: it is removed. */
interface Change {
  readonly key: Key
  readonly value: Uint8Array | undefined
}

interface Pending {
  readonly operations: readonly StorageOperation[]
  /** Made when somebody reads. */
  changes: Map<string, Change> | undefined
}

/**
 * A datastore as it will be when the commits on their way have arrived: so that the next one can be made meanwhile. Who
 * reads here must give up what it made if one of them fails.
 */
export class PendingWrites implements CrdtStorage {
  readonly #storage: CrdtStorage
  readonly #pending = new Set<Pending>()

  constructor(storage: CrdtStorage) {
    this.#storage = storage
  }

  async commit(operations: readonly StorageOperation[], options: AbortOptions & { durable: boolean }): Promise<void> {
    const pending: Pending = { operations, changes: undefined }
    this.#pending.add(pending)
    try {
      await this.#storage.commit(operations, options)
    } finally {
      this.#pending.delete(pending)
    }
  }

  async get(key: Key, options: AbortOptions = {}): Promise<Uint8Array> {
    const change = this.#find(key)
    if (change?.value !== undefined) return change.value
    if (change !== undefined) throw new NotFoundError(`not found: ${key.toString()}`)
    return this.#storage.get(key, options)
  }

  async has(key: Key, options: AbortOptions = {}): Promise<boolean> {
    const change = this.#find(key)
    return change === undefined ? this.#storage.has(key, options) : change.value !== undefined
  }

  async readMany(keys: readonly Key[], options: AbortOptions = {}): Promise<(Uint8Array | undefined)[]> {
    if (this.#pending.size === 0) return readMany(this.#storage, keys, options)
    const changes = keys.map((key) => this.#find(key))
    const stored = await readMany(
      this.#storage,
      keys.filter((_, index) => changes[index] === undefined),
      options
    )
    let index = 0
    return changes.map((change) => (change === undefined ? stored[index++] : change.value))
  }

  async *scan(range: { gte: Key; lt: Key; limit?: number }, options: AbortOptions): AsyncGenerator<readonly Pair[]> {
    const changes = this.#changesIn(range)
    if (changes.length === 0) {
      yield* this.#storage.scan(range, options)
      return
    }
    let left = range.limit ?? Infinity
    for await (const page of merged(this.#storage.scan({ gte: range.gte, lt: range.lt }, options), changes)) {
      if (left <= 0) return
      if (page.length > 0) yield page.slice(0, left)
      left -= page.length
    }
  }

  #find(key: Key): Change | undefined {
    if (this.#pending.size === 0) return undefined
    const text = key.toString()
    let found: Change | undefined
    for (const pending of this.#pending) found = changesOf(pending).get(text) ?? found
    return found
  }

  /** In the order of their keys. */
  #changesIn({ gte, lt }: { gte: Key; lt: Key }): Change[] {
    const inRange = new Map<string, Change>()
    for (const pending of this.#pending) {
      for (const [text, change] of changesOf(pending)) {
        if (compare(change.key, gte) >= 0 && compare(change.key, lt) < 0) inRange.set(text, change)
      }
    }
    return [...inRange.values()].sort((a, b) => compare(a.key, b.key))
  }
}

function changesOf(pending: Pending): Map<string, Change> {
  if (pending.changes === undefined) {
    pending.changes = new Map()
    for (const operation of pending.operations) {
      const change: Change = 'put' in operation ? operation.put : { key: operation.delete, value: undefined }
      pending.changes.set(change.key.toString(), change)
    }
  }
  return pending.changes
}

/** Pages with changes in their places. */
async function* merged(
  pages: AsyncIterable<readonly Pair[]>,
  changes: readonly Change[]
): AsyncGenerator<readonly Pair[]> {
  let at = 0
  const before = (key: Key | undefined): Pair[] => {
    const pairs: Pair[] = []
    for (let change = changes[at]; change !== undefined; change = changes[at]) {
      if (key !== undefined && compare(change.key, key) >= 0) break
      if (change.value !== undefined) pairs.push({ key: change.key, value: change.value })
      at += 1
    }
    return pairs
  }
  for await (const page of pages) {
    const pairs: Pair[] = []
    for (const pair of page) {
      pairs.push(...before(pair.key))
      const change = changes[at]
      if (change === undefined || compare(change.key, pair.key) !== 0) pairs.push(pair)
    }
    yield pairs
  }
  yield before(undefined)
}

function compare(a: Key, b: Key): number {
  return compareBytes(a.uint8Array(), b.uint8Array())
}
