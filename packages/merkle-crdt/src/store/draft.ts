import type { AbortOptions } from '@libp2p/interface'
import type { Key } from 'interface-datastore'
import type { BlockId } from '../wire/block-id.ts'
import type { Candidate } from './element-entry.ts'
import { CrdtError } from '../errors.ts'
import { cleanKey, type Layout } from './layout.ts'
import type { ProcessedFilter } from './processed-filter.ts'
import type { DeltaNode } from '../wire/node.ts'
import type { CrdtStorage, StorageOperation } from '../ports.ts'
import { decodeUvarint, encodeUvarint } from '../wire/uvarint.ts'

/** Nothing is known of the key: what priority 0 and no bytes mean to the merge rules. */
const ABSENT: Candidate = { priority: 0n, value: new Uint8Array() }
const EMPTY = new Uint8Array()

/** How a turn works. */
export interface DraftRules {
  /** Spares looks at the disk. */
  readonly filter?: ProcessedFilter | undefined
  /** Whether what was added and taken back is forgotten. @see spec/wire-crdt.md §7.3 P5 */
  readonly isCollecting?: boolean | undefined
}

/**
 * What one turn of the store will write, all in one batch. Reads see the writes of the turn first, which the merge
 * rules need: a turn takes in several blocks.
 */
export class Draft {
  readonly layout: Layout
  readonly #storage: CrdtStorage
  readonly #options: AbortOptions
  readonly #filter: ProcessedFilter | undefined
  readonly #isCollecting: boolean
  /** What was read ahead. */
  readonly #stored = new Map<string, Uint8Array | undefined>()
  readonly #values = new Map<string, Candidate | undefined>()
  readonly #elements = new Map<string, Map<BlockId, Uint8Array>>()
  readonly #tombstones = new Map<string, Set<BlockId>>()
  /** Additions that were taken back, of blocks that are merged: element and tombstone say nothing any more. */
  readonly #collected = new Map<string, Set<BlockId>>()
  readonly #processed = new Set<BlockId>()
  readonly #blocks = new Map<BlockId, Uint8Array>()
  readonly #others = new Map<string, StorageOperation>()
  /** Whether keys had a value before this turn, of those that were asked for. */
  readonly #had = new Map<string, boolean>()
  /** User keys whose value changed or that lost a version. */
  readonly changed = new Set<string>()
  #sealed: { readonly operations: readonly StorageOperation[]; readonly growth: number } | undefined

  constructor(storage: CrdtStorage, layout: Layout, options: AbortOptions, rules: DraftRules = {}) {
    this.#storage = storage
    this.#filter = rules.filter
    this.#isCollecting = rules.isCollecting ?? false
    this.layout = layout
    this.#options = options
  }

  /** The blocks that this turn stores. */
  get blockIds(): Iterable<BlockId> {
    return this.#blocks.keys()
  }

  /** Reads in one round trip what merging these blocks will ask for. */
  async prefetch(nodes: readonly DeltaNode[]): Promise<void> {
    const wanted = new Map<string, Key>()
    const want = (key: Key): void => {
      wanted.set(key.toString(), key)
    }
    for (const { id, linkIds, delta } of nodes) {
      for (const asked of [id, ...linkIds]) {
        if (this.#filter?.has(asked) === undefined) want(this.layout.processed(asked))
      }
      for (const element of delta.elements) {
        const key = cleanKey(element.key)
        want(this.layout.tombstone(key, id))
        want(this.layout.priority(key))
      }
      if (!this.#isCollecting) continue
      for (const { id: removed } of delta.tombstones) {
        if (this.#filter?.has(cleanKey(removed)) === undefined) want(this.layout.processed(cleanKey(removed)))
      }
    }
    const values = await readMany(this.#storage, [...wanted.values()], this.#options)
    let index = 0
    for (const text of wanted.keys()) this.#stored.set(text, values[index++])
  }

  async #read(keys: readonly Key[]): Promise<(Uint8Array | undefined)[]> {
    if (this.#stored.size === 0) return readMany(this.#storage, keys, this.#options)
    const texts = keys.map((key) => key.toString())
    const missing = keys.filter((_, index) => !this.#stored.has(texts[index] ?? ''))
    const read = missing.length === 0 ? [] : await readMany(this.#storage, missing, this.#options)
    let index = 0
    return texts.map((text) => (this.#stored.has(text) ? this.#stored.get(text) : read[index++]))
  }

  /**
   * Loads what merging these keys will ask for. Their values are read only where the priority does not decide: a key has
   * both or neither.
   */
  async load(
    keys: Iterable<string>,
    additions: BlockId,
    priority: bigint
  ): Promise<{ value(key: string): Candidate; isTombstoned(key: string): boolean }> {
    const asked = [...keys]
    const read = await this.#read(
      asked.flatMap((key) => [this.layout.tombstone(key, additions), this.layout.priority(key)])
    )
    const tombstoned = new Set<string>()
    const candidates = new Map<string, Candidate>()
    asked.forEach((key, index) => {
      const isTombstoned = read[index * 2] !== undefined || (this.#tombstones.get(key)?.has(additions) ?? false)
      if (isTombstoned) tombstoned.add(key)
      const stored = read[index * 2 + 1]
      this.#had.set(key, stored !== undefined)
      const candidate = this.#values.has(key)
        ? (this.#values.get(key) ?? ABSENT)
        : { value: EMPTY, priority: this.#decodePriority(key, stored) }
      candidates.set(key, candidate)
    })
    const equal = asked.filter((key) => !this.#values.has(key) && candidates.get(key)?.priority === priority)
    const values = await this.#read(equal.map((key) => this.layout.value(key)))
    equal.forEach((key, index) => candidates.set(key, { value: values[index] ?? EMPTY, priority }))
    return { value: (key) => candidates.get(key) ?? ABSENT, isTombstoned: (key) => tombstoned.has(key) }
  }

  #decodePriority(key: string, bytes: Uint8Array | undefined): bigint {
    if (bytes === undefined) return 0n
    const decoded = decodeUvarint(bytes)
    if (decoded === undefined) throw badEntry('error decoding priority', this.layout.priority(key))
    return BigInt.asUintN(64, decoded.value - 1n) // as the Go peer: it wraps around for the highest priority
  }

  /** The additions of a key that are not taken back, in the order of the datastore, with their entries. */
  async liveElements(key: string): Promise<Map<BlockId, Uint8Array>> {
    const found = new Map<BlockId, Uint8Array>()
    const range = this.layout.elements(key)
    const prefix = range.gte.toString().length - 1
    for await (const page of this.#storage.scan(range, this.#options)) {
      for (const pair of page) {
        const id = pair.key.toString().slice(prefix)
        if (id.lastIndexOf('/') === 0) found.set(id, pair.value) // more segments: an element of a longer key
      }
    }
    for (const [id, entry] of this.#elements.get(key) ?? []) found.set(id, entry)
    for (const id of this.#collected.get(key) ?? []) found.delete(id)
    const ids = [...found.keys()].sort()
    const tombstones = await readMany(
      this.#storage,
      ids.map((id) => this.layout.tombstone(key, id)),
      this.#options
    )
    const live = new Map<BlockId, Uint8Array>()
    ids.forEach((id, index) => {
      const entry = found.get(id)
      const isTombstoned = tombstones[index] !== undefined || (this.#tombstones.get(key)?.has(id) ?? false)
      if (entry !== undefined && !isTombstoned) live.set(id, entry)
    })
    return live
  }

  /** Which of some blocks are merged already. */
  async areProcessed(ids: readonly BlockId[]): Promise<boolean[]> {
    const found = new Set<BlockId>()
    const asked: BlockId[] = []
    for (const id of ids) {
      const known = this.#processed.has(id) ? true : this.#filter?.has(id)
      if (known === true) found.add(id)
      else if (known === undefined) asked.push(id)
    }
    const stored = await this.#read(asked.map((id) => this.layout.processed(id)))
    asked.forEach((id, index) => {
      if (stored[index] !== undefined) found.add(id)
    })
    return ids.map((id) => found.has(id))
  }

  /** The bytes of a block, if it is here. */
  async block(id: BlockId): Promise<Uint8Array | undefined> {
    return this.#blocks.get(id) ?? (await readMany(this.#storage, [this.layout.block(id)], this.#options))[0]
  }

  putElement(key: string, id: BlockId, entry: Uint8Array): void {
    let entries = this.#elements.get(key)
    if (entries === undefined) this.#elements.set(key, (entries = new Map<BlockId, Uint8Array>()))
    entries.set(id, entry)
  }

  /** Takes back additions of keys. Those of merged blocks are forgotten at once, others when their block is merged. */
  async putTombstones(additions: readonly { readonly key: string; readonly id: BlockId }[]): Promise<void> {
    const areProcessed = this.#isCollecting ? await this.areProcessed(additions.map(({ id }) => id)) : []
    additions.forEach(({ key, id }, index) => {
      this.changed.add(key)
      if (areProcessed[index] === true) this.collect(key, id)
      else add(this.#tombstones, key, id)
    })
  }

  /**
   * Forgets an addition that was taken back, and its tombstone, if that is wanted: the block is merged, or is being
   * merged, and never will be again.
   *
   * @returns whether that is wanted
   */
  collect(key: string, id: BlockId): boolean {
    if (!this.#isCollecting) return false
    add(this.#collected, key, id)
    this.#elements.get(key)?.delete(id)
    this.#tombstones.get(key)?.delete(id)
    return true
  }

  /** `undefined` makes the key absent. */
  setValue(key: string, candidate: Candidate | undefined): void {
    this.#values.set(key, candidate)
    this.changed.add(key)
  }

  /** Stores a block and marks it as merged. */
  putProcessed(node: DeltaNode): void {
    this.#processed.add(node.id)
    this.#filter?.add(node.id)
    this.#blocks.set(node.id, node.bytes)
  }

  /** Nothing is added any more: makes all ready, so that {@link Draft.write} waits for nothing but the disk. */
  async seal(): Promise<void> {
    this.#sealed = { growth: await this.#growth(), operations: this.operations() }
  }

  /**
   * Writes all, durably.
   *
   * @returns how many keys got a value that had none, less those that lost theirs
   */
  async write(): Promise<number> {
    if (this.#sealed === undefined) await this.seal()
    const { operations = [], growth = 0 } = this.#sealed ?? {}
    if (operations.length > 0) {
      await this.#storage.commit(operations, { durable: true })
    }
    this.#filter?.wrote(this.#processed)
    return growth
  }

  async #growth(): Promise<number> {
    const unknown = [...this.#values.keys()].filter((key) => !this.#had.has(key))
    const places = unknown.map((key) => this.layout.priority(key))
    const read = await this.#read(places)
    unknown.forEach((key, index) => this.#had.set(key, read[index] !== undefined))
    let growth = 0
    for (const [key, candidate] of this.#values) {
      growth += Number(candidate !== undefined) - Number(this.#had.get(key))
    }
    return growth
  }

  put(key: Key, value: Uint8Array): void {
    this.#others.set(key.toString(), { put: { key, value } })
  }

  delete(key: Key): void {
    this.#others.set(key.toString(), { delete: key })
  }

  /** Everything to write. */
  operations(): StorageOperation[] {
    const operations: StorageOperation[] = []
    const put = (key: Key, value: Uint8Array): void => {
      operations.push({ put: { key, value } })
    }
    for (const [id, bytes] of this.#blocks) put(this.layout.block(id), bytes)
    for (const [key, entries] of this.#elements) {
      for (const [id, entry] of entries) put(this.layout.element(key, id), entry)
    }
    for (const [key, ids] of this.#tombstones) {
      for (const id of ids) put(this.layout.tombstone(key, id), EMPTY)
    }
    for (const [key, ids] of this.#collected) {
      for (const id of ids) {
        operations.push({ delete: this.layout.element(key, id) }, { delete: this.layout.tombstone(key, id) })
      }
    }
    for (const [key, candidate] of this.#values) {
      if (candidate === undefined) {
        operations.push({ delete: this.layout.value(key) }, { delete: this.layout.priority(key) })
      } else {
        put(this.layout.value(key), candidate.value)
        put(this.layout.priority(key), encodeUvarint(candidate.priority + 1n))
      }
    }
    for (const id of this.#processed) put(this.layout.processed(id), EMPTY)
    operations.push(...this.#others.values())
    return operations
  }
}

function add(map: Map<string, Set<BlockId>>, key: string, id: BlockId): void {
  let ids = map.get(key)
  if (ids === undefined) map.set(key, (ids = new Set()))
  ids.add(id)
}

/** Some values at once; `undefined` where there is none. */
export async function readMany(
  storage: CrdtStorage,
  keys: readonly Key[],
  options: AbortOptions
): Promise<(Uint8Array | undefined)[]> {
  if (keys.length === 0) return []
  if (storage.readMany !== undefined) return storage.readMany(keys, options)
  // asked first: most keys are not there, and an error for each would cost more than the look-up
  return Promise.all(
    keys.map(async (key) => ((await storage.has(key, options)) ? storage.get(key, options) : undefined))
  )
}

/** An entry of the datastore that cannot be read. */
export function badEntry(what: string, key: Key): CrdtError {
  return new CrdtError(
    'ERR_CRDT_BAD_STORE',
    `${what}: the entry ${key.toString()} cannot be read. Repair the datastore or restore a copy of it; ` +
      'or clean the store and start it again: then it takes everything in from other peers'
  )
}
