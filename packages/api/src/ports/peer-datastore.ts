import type { AbortOptions } from '@libp2p/interface'
import type { Datastore, Key, Pair } from 'interface-datastore'
import type { Pages } from '../paging.ts'

/** One step of a {@link PeerDatastore.commit}. */
export type DatastoreOperation = { readonly put: Pair } | { readonly delete: Key }

/** A range of keys and how many are wanted. */
export interface ScanRange {
  readonly gte: Key
  readonly lt: Key
  readonly limit?: number | undefined
}

/** The peer's store: `interface-datastore` plus what it lacks. */
export interface PeerDatastore extends Datastore {
  /** All or nothing. With `durable` it returns once a power loss cannot undo it. */
  commit(ops: readonly DatastoreOperation[], options: AbortOptions & { readonly durable: boolean }): Promise<void>
  /** The part of the store below a key, seen as a store of its own. */
  namespace(prefix: Key): PeerDatastore
  /** One snapshot, in the order of the keys' bytes. */
  scan(range: ScanRange, options: AbortOptions): Pages<Pair>
  /** Optional: the values of some keys in one round trip, in their order; `undefined` for a key that is not there. */
  readMany?(keys: readonly Key[], options?: AbortOptions): Promise<(Uint8Array | undefined)[]>
}
