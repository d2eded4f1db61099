import type { AbortOptions } from '@libp2p/interface'
import { recompute } from './merge.ts'
import { badEntry, Draft, readMany } from './draft.ts'
import { CrdtError } from '../errors.ts'
import type { Layout } from './layout.ts'
import type { CrdtStorage, StorageOperation } from '../ports.ts'
import { decodeUvarint, encodeUvarint } from '../wire/uvarint.ts'

/** The format of the datastore that this package reads and writes. */
const STORE_VERSION = 1n
/** What stands in the bad-shutdown mark: ours needs no repair, an empty one (of a Go peer) does. */
const OUR_MARK = Uint8Array.of(1)
/** Keys migrated or removed in one write. */
const CHUNK = 1000

/**
 * Makes a datastore ready: migrates an old one, refuses a newer one, and sets the mark of an open store.
 *
 * @throws CrdtError `ERR_CRDT_VERSION`, `ERR_CRDT_BAD_STORE`
 * @see spec/wire-crdt.md §2.14, §2.18
 */
export async function prepareStore(storage: CrdtStorage, layout: Layout, options: AbortOptions): Promise<void> {
  const [stored, mark] = await readMany(storage, [layout.version(), layout.badShutdown()], options)
  const writes: StorageOperation[] = []
  if (stored === undefined) {
    await migrate(storage, layout, options)
    writes.push({ put: { key: layout.version(), value: encodeUvarint(STORE_VERSION + 1n) } })
  } else {
    const version = decodeUvarint(stored)
    if (version === undefined) throw badEntry('error decoding version', layout.version())
    if (version.value > STORE_VERSION + 1n) {
      throw new CrdtError('ERR_CRDT_VERSION', `the store has version ${(version.value - 1n).toString()}: update first`)
    }
  }
  if (mark?.length === 0) writes.push({ put: { key: layout.dirty(), value: new Uint8Array() } })
  writes.push({ put: { key: layout.badShutdown(), value: OUR_MARK } })
  await storage.commit(writes, { ...options, durable: true })
}

/** From version 0: the value of each key that has a tombstone is found again. */
async function migrate(storage: CrdtStorage, layout: Layout, options: AbortOptions): Promise<void> {
  let last: string | undefined
  for await (const page of storage.scan(layout.tombstones(), options)) {
    const keys = new Set<string>()
    for (const { key } of page) {
      const userKey = layout.userKeyOfTombstone(key)
      if (userKey !== last) keys.add(userKey)
      last = userKey
    }
    const draft = new Draft(storage, layout, options)
    for (const key of keys) await recompute(draft, key)
    await storage.commit(draft.operations(), { ...options, durable: true })
  }
}

/**
 * Removes everything that the store has in its namespace, blocks included. Only while it is closed.
 *
 * @see spec/wire-crdt.md §1.10
 */
export async function cleanStore(storage: CrdtStorage, layout: Layout, options: AbortOptions): Promise<void> {
  let operations: StorageOperation[] = []
  for await (const page of storage.scan(layout.all(), options)) {
    for (const { key } of page) operations.push({ delete: key })
    if (operations.length < CHUNK) continue
    await storage.commit(operations, { ...options, durable: false })
    operations = []
  }
  await storage.commit(operations, { ...options, durable: true })
}
