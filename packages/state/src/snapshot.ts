import { ClusterError, pinsetKey, type DatastoreOperation, type ListOptions } from '@cluster/api'
import { always, bytesView, decode, string, struct, ValueScanner, Writer, type Codec } from '@cluster/msgpack'
import { pinToProtobuf } from '@cluster/wire'
import type { AbortOptions } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import type { DatastoreState, PinStore } from './datastore-state.ts'
import { cidFromKey } from './pin-entry.ts'

/** Bytes of one entry of a snapshot: a pin with very much metadata has less. */
export const MAX_SNAPSHOT_ENTRY_BYTES = 4_194_304

/** Entries that are written to the store at once while a snapshot is read. */
const BATCH_ENTRIES = 1024

interface Entry {
  readonly key: string
  readonly value: Uint8Array | undefined
}
const entry: Codec<Entry> = struct<Entry>({ key: always('k', string), value: always('v', bytesView) })

/**
 * The pinset as a stream of msgpack maps `{k: key, v: pin}`, in key order: what Raft snapshots hold. One chunk for each
 * page of the listing.
 *
 * @see wire-crdt.md §4.3
 */
export async function* marshalState(
  state: Pick<DatastoreState, 'list'>,
  options: Pick<ListOptions, 'signal'> = {}
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new Writer({ initialBytes: 65_536 })
  for await (const page of state.list(options)) {
    writer.reset()
    for (const pin of page) entry.encode(writer, { key: pinsetKey(pin.cid), value: pinToProtobuf(pin) })
    yield writer.bytes()
  }
}

/**
 * Adds the pins of a {@link marshalState} stream, cut anywhere, to a store. What is in the store already stays. Values
 * are stored as they come, unread.
 *
 * @returns how many entries were added
 * @throws ClusterError `CORRUPT` when the stream is no such stream or ends inside an entry, `LIMIT` for an entry of more
 * than {@link MAX_SNAPSHOT_ENTRY_BYTES}; what came before it is stored then
 */
export async function unmarshalState(
  store: Pick<PinStore, 'commit'>,
  chunks: AsyncIterable<Uint8Array>,
  options: AbortOptions = {}
): Promise<number> {
  const scanner = new ValueScanner({ maxBytes: MAX_SNAPSHOT_ENTRY_BYTES })
  let rest: Uint8Array = new Uint8Array(0)
  let batch: DatastoreOperation[] = []
  let added = 0
  async function flush(): Promise<void> {
    if (batch.length === 0) return
    await store.commit(batch, { ...options, durable: true })
    added += batch.length
    batch = []
  }
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted()
    rest = rest.length === 0 ? chunk : concat(rest, chunk)
    for (let length = scan(scanner, rest); length !== undefined; length = scan(scanner, rest)) {
      batch.push({ put: readEntry(rest) })
      rest = rest.subarray(length)
      if (batch.length >= BATCH_ENTRIES) await flush()
    }
  }
  if (rest.length > 0) throw new ClusterError('CORRUPT', 'the snapshot of the pinset ends inside an entry')
  await flush()
  return added
}

function scan(scanner: ValueScanner, bytes: Uint8Array): number | undefined {
  if (bytes.length < scanner.atLeast) return undefined
  return orClusterError(() => scanner.scan(bytes))
}

function readEntry(bytes: Uint8Array): { readonly key: Key; readonly value: Uint8Array } {
  const { key, value } = orClusterError(() => decode(entry, bytes))
  if (value === undefined) throw new ClusterError('CORRUPT', 'an entry of the snapshot has no value')
  const stored = new Key(`/${key}`)
  cidFromKey(stored)
  return { key: stored, value: new Uint8Array(value) }
}

function orClusterError<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const limit = (cause as { readonly code?: unknown }).code === 'MSGPACK_LIMIT'
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ClusterError(limit ? 'LIMIT' : 'CORRUPT', `snapshot of the pinset: ${message}`, { cause })
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
