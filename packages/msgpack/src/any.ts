import type { Codec } from './codec.ts'
import { MsgpackError } from './error.ts'
import { DEFAULT_MAX_DEPTH } from './limits.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/**
 * A value without expected type (Go's `interface{}`), as JSON values travel: number → float64, bigint → integer,
 * string and bytes → raw, list → array, object → map with the keys in their order, null and undefined → nil.
 *
 * Read: nil → null; integers → number, bigint beyond 2^53; raw and str → string, bin → bytes; map → object. An
 * extension is `MSGPACK_INVALID`.
 *
 * @see wire-host-rpc.md §3.4, interface value
 */
export const any: Codec<unknown> = {
  encode: (writer, value) => {
    write(writer, value, 0)
  },
  decode: read,
  isZero: (value) => value === undefined || value === null,
  zero: () => null
}

function write(writer: Writer, value: unknown, depth: number): void {
  if (depth > DEFAULT_MAX_DEPTH) throw new MsgpackError('MSGPACK_LIMIT', `more than ${DEFAULT_MAX_DEPTH} levels`)
  switch (typeof value) {
    case 'undefined':
      writer.nil()
      return
    case 'boolean':
      writer.bool(value)
      return
    case 'number':
      writer.float64(value)
      return
    case 'bigint':
      if (value > 0x7fffffffffffffffn) writer.uint64(value)
      else writer.int64(value)
      return
    case 'string':
      writer.string(value)
      return
    case 'object':
      writeObject(writer, value, depth)
      return
    case 'function':
    case 'symbol':
      throw new MsgpackError('MSGPACK_INVALID', `a ${typeof value} has no msgpack form`)
  }
}

function writeObject(writer: Writer, value: object | null, depth: number): void {
  if (value === null) writer.nil()
  else if (value instanceof Uint8Array) writer.raw(value)
  else if (Array.isArray(value)) {
    writer.arrayHeader(value.length)
    for (const item of value as readonly unknown[]) write(writer, item, depth + 1)
  } else {
    const entries = Object.entries(value)
    writer.mapHeader(entries.length)
    for (const [key, item] of entries) {
      writer.string(key)
      write(writer, item, depth + 1)
    }
  }
}

function read(reader: Reader): unknown {
  if (reader.tryNil()) return null
  const byte = reader.peek()
  if (byte === 0xc2 || byte === 0xc3) return reader.bool()
  if (byte === 0xca || byte === 0xcb) return reader.float()
  if (byte < 0x80 || byte >= 0xe0 || (byte >= 0xcc && byte <= 0xd3)) return reader.integer()
  if ((byte >= 0xa0 && byte < 0xc0) || (byte >= 0xd9 && byte <= 0xdb)) return reader.string()
  if (byte >= 0xc4 && byte <= 0xc6) return reader.bytesView()?.slice()
  if (byte < 0x90 || byte === 0xde || byte === 0xdf) return readObject(reader)
  if (byte < 0xa0 || byte === 0xdc || byte === 0xdd) return readList(reader)
  throw reader.unexpected('a value', byte)
}

function readList(reader: Reader): unknown[] {
  const count = reader.enterArray()
  const list: unknown[] = []
  for (let i = 0; i < count; i++) list.push(read(reader))
  reader.leave()
  return list
}

function readObject(reader: Reader): Record<string, unknown> {
  const count = reader.enterMap()
  const entries: [string, unknown][] = []
  for (let i = 0; i < count; i++) entries.push([reader.string(), read(reader)])
  reader.leave()
  // Unlike an assignment, this makes `__proto__` a key like any other.
  return Object.fromEntries(entries)
}
