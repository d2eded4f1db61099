import { always, bytes, decodeAt, encode, struct, type Codec } from '@cluster/msgpack'
import type { LogEntry, WireEntry } from '../entry.ts'
import { instant, octet, unsigned, zeroTime } from './scalars.ts'

/** `Log` of hashicorp/raft. @see wire-raft.md §3.3 */
const fields: Codec<WireEntry> = struct<WireEntry>({
  appendedAt: always('AppendedAt', instant),
  data: always('Data', bytes),
  extensions: always('Extensions', bytes),
  index: always('Index', unsigned),
  term: always('Term', unsigned),
  type: always('Type', octet)
})

/** An entry in a message: one that has its bytes already is not encoded again. */
export const wireEntry: Codec<WireEntry> = {
  ...fields,
  encode: (writer, entry) => {
    if ('encoded' in entry) writer.encoded((entry as LogEntry).encoded)
    else fields.encode(writer, entry)
  }
}

/** Room for the keys and numbers of an entry: what does not need to grow is not copied. */
const ENTRY_OVERHEAD = 128

/**
 * The entry as it is kept: with its bytes. One without a time gets the zero time, as at the Go peer.
 *
 * @see wire-raft.md §3.12
 */
export function sealEntry(entry: WireEntry): LogEntry {
  const { index, term, type, data, extensions, appendedAt = zeroTime() } = entry
  const whole: WireEntry = { index, term, type, data, extensions, appendedAt }
  const encoded = encode(fields, whole, { initialBytes: ENTRY_OVERHEAD + (data?.length ?? 0) })
  return { index, term, type, data, extensions, appendedAt, encoded }
}

/** Reads an entry from its bytes, all of them. Throws a `MsgpackError`. */
export function openEntry(encoded: Uint8Array): LogEntry {
  const { value, end } = decodeAt(fields, encoded, 0)
  if (end !== encoded.length) throw new Error(`an entry of ${end} bytes has ${encoded.length}`)
  return { ...value, encoded }
}
