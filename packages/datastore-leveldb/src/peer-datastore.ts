import type { AbortOptions } from '@libp2p/interface'
import type { Datastore, Key, Pair } from 'interface-datastore'

/** One change of a {@link PeerDatastore.commit}. */
export type DatastoreOperation = { put: Pair } | { delete: Key }

/** A range of keys in byte order: from `gte` on, below `lt`, at most `limit` pairs. */
export interface ScanRange {
  gte: Key
  lt: Key
  limit?: number
}

/**
 * interface-datastore with what it lacks: atomic durable batches, namespaces and paged scans of one snapshot.
 *
 * The same shape as the port `PeerDatastore` of `@cluster/api`, stated here because an engine knows no contract.
 */
export interface PeerDatastore extends Datastore {
  /**
   * Applies all operations or none. With `durable` they are on disk (fsync) when the promise resolves. Commits take
   * effect in the order of the calls. An abort stops the wait, not the commit.
   *
   * @throws DatastoreError `ERR_DATASTORE_WRITE`, `ERR_DATASTORE_BUSY`, `ERR_DATASTORE_CLOSED`
   */
  commit(operations: readonly DatastoreOperation[], options: AbortOptions & { durable: boolean }): Promise<void>
  /** The part of the store below `prefix`, as a store of its own: its keys are given and returned without the prefix. */
  namespace(prefix: Key): PeerDatastore
  /**
   * The pairs of a range in key order, in pages of 1 to 1024, all of one snapshot (taken when the first page is pulled).
   * Breaking off frees the snapshot.
   */
  scan(range: ScanRange, options?: AbortOptions): AsyncIterable<readonly Pair[]>
  /** The values of some keys in one round trip; `undefined` for a missing key. */
  readMany(keys: readonly Key[], options?: AbortOptions): Promise<(Uint8Array | undefined)[]>
}
