import type { AbortOptions } from '@libp2p/interface'
import { type Datastore, Key } from 'interface-datastore'
import { CID } from 'multiformats/cid'

/** What a pin keeps: only the root, everything below it, or a number of levels. */
export interface PinRecord {
  readonly cid: CID
  /** Levels below the root: 0 = direct, -1 = all, else that many. */
  readonly depth: number
  readonly name?: string
}

/** Kind of a pin, in the words of Kubo. A pin of limited depth counts as recursive. */
export type PinKind = 'recursive' | 'direct'

/** The part of a datastore that the pins need. `commit` is used when there is one: it writes through to the disk. */
export interface PinDatastore extends Pick<Datastore, 'get' | 'put' | 'delete' | 'has' | 'query'> {
  commit?(
    operations: readonly ({ put: { key: Key; value: Uint8Array } } | { delete: Key })[],
    options: AbortOptions & { durable: boolean }
  ): Promise<void>
}

/** Longest page of a listing. */
export const maxPinsPerPage = 1024

const prefix = '/pins'

interface StoredPin {
  cid: string
  depth: number
  name?: string
}

/** The kind of pin that a depth makes. */
export function kindOf(depth: number): PinKind {
  return depth === 0 ? 'direct' : 'recursive'
}

/** Pins by root. CIDs that differ only in version are one root. */
export class PinIndex {
  readonly #datastore: PinDatastore

  constructor(datastore: PinDatastore) {
    this.#datastore = datastore
  }

  async get(cid: CID, options: AbortOptions = {}): Promise<PinRecord | undefined> {
    const key = keyOf(cid)
    if (!(await this.#datastore.has(key, options))) return undefined
    try {
      return decode(await this.#datastore.get(key, options))
    } catch (error) {
      if (error instanceof Error && error.name === 'NotFoundError') return undefined // removed in between
      throw error
    }
  }

  async set(pin: PinRecord, options: AbortOptions = {}): Promise<void> {
    const stored: StoredPin = { cid: pin.cid.toString(), depth: pin.depth }
    if (pin.name !== undefined && pin.name !== '') stored.name = pin.name
    const value = new TextEncoder().encode(JSON.stringify(stored))
    const key = keyOf(pin.cid)
    if (this.#datastore.commit === undefined) await this.#datastore.put(key, value, options)
    else await this.#datastore.commit([{ put: { key, value } }], { ...options, durable: true })
  }

  async delete(cid: CID, options: AbortOptions = {}): Promise<void> {
    const key = keyOf(cid)
    if (this.#datastore.commit === undefined) await this.#datastore.delete(key, options)
    else await this.#datastore.commit([{ delete: key }], { ...options, durable: true })
  }

  /** All pins of these kinds, unordered, in pages of at most 1024. */
  async *list(kinds: readonly PinKind[], options: AbortOptions = {}): AsyncGenerator<readonly PinRecord[]> {
    let page: PinRecord[] = []
    for await (const { value } of this.#datastore.query({ prefix }, options)) {
      options.signal?.throwIfAborted()
      const pin = decode(value)
      if (!kinds.includes(kindOf(pin.depth))) continue
      page.push(pin)
      if (page.length < maxPinsPerPage) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }
}

function keyOf(cid: CID): Key {
  return new Key(`${prefix}/${cid.toV1().toString()}`)
}

function decode(value: Uint8Array): PinRecord {
  const stored = JSON.parse(new TextDecoder().decode(value)) as StoredPin // written by set() only
  const pin = { cid: CID.parse(stored.cid), depth: stored.depth }
  return stored.name === undefined ? pin : { ...pin, name: stored.name }
}
