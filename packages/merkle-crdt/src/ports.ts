import type { AbortOptions } from '@libp2p/interface'
import type { Key, Pair } from 'interface-datastore'
import type { CID } from 'multiformats/cid'

/** One change of the datastore. */
export type StorageOperation = { put: Pair } | { delete: Key }

/** The datastore as this engine needs it; `@cluster/datastore-leveldb` is one. */
export interface CrdtStorage {
  has(key: Key, options?: AbortOptions): boolean | Promise<boolean>
  /** @throws an error with the name `NotFoundError` or the code `ERR_NOT_FOUND` */
  get(key: Key, options?: AbortOptions): Uint8Array | Promise<Uint8Array>
  /** All or nothing; with `durable` it is on disk when it returns. */
  commit(operations: readonly StorageOperation[], options: AbortOptions & { durable: boolean }): Promise<void>
  /** Pages of one snapshot in key order. */
  scan(range: { gte: Key; lt: Key; limit?: number }, options: AbortOptions): AsyncIterable<readonly Pair[]>
  /** Optional: some values in one round trip. */
  readMany?(keys: readonly Key[], options?: AbortOptions): Promise<(Uint8Array | undefined)[]>
}

/** A block with its CID. */
export interface DagBlock {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** Blocks wanted together: from the local blocks, else from other peers. */
export interface DagSession {
  get(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  close(): void
}

/** The exchange of blocks with other peers, over this store's own `DagBlocks`. */
export interface DagExchange {
  createSession(): DagSession
  /** Stores (if they are not there) and tells peers that want them. */
  put(blocks: readonly DagBlock[], options?: AbortOptions): Promise<void>
}

/** The topic on which heads are announced. */
export interface Broadcaster {
  broadcast(data: Uint8Array, options: AbortOptions): Promise<void>
  /** One reader, who never makes it wait. Own messages may come back. */
  messages(options: AbortOptions): AsyncIterable<Uint8Array | Announcement>
}

/** A message of the topic, and who sent it, to be named where its heads cannot be had. */
export interface Announcement {
  readonly data: Uint8Array
  readonly from?: string | undefined
}

/** Time, handed in so that tests and simulations own it. */
export interface Clock {
  nowMs(): number
  /** Calls back at a time; returns what cancels it. */
  setTimer(atMs: number, fn: () => void): () => void
  /** Calls back soon, after the current work. */
  soon(fn: () => void): void
}

type LogLine = (text: string, fields?: object) => void

/** Where log lines go. */
export interface Logger {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}
