import { mapped, type Codec } from './codec.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** One field of a struct. */
export interface Field<T> {
  /** The key on the wire. */
  readonly key: string
  readonly codec: Codec<T>
  /** Whether a zero value is left out. */
  readonly omitEmpty: boolean
}

/** The fields of a struct by the names of the properties, in Go's order of declaration: arrays are read by it. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> }

/** A field that is left out when zero (`omitempty`). */
export function field<T>(key: string, codec: Codec<T>): Field<T> {
  return { key, codec, omitEmpty: true }
}

/** A field that is always written. */
export function always<T>(key: string, codec: Codec<T>): Field<T> {
  return { key, codec, omitEmpty: false }
}

interface Slot {
  readonly name: string
  readonly header: Uint8Array
  readonly codec: Codec<unknown>
  readonly omitEmpty: boolean
}

/**
 * Go's struct. Written as a map in the order of the fields; read from a map (unknown keys skipped, missing ones zero,
 * of a key given twice the last wins), from an array by position (what is too much is skipped), or from nil. Spread
 * the fields of an embedded struct into those of the outer one.
 *
 * @example
 * const version = struct<{ version: string }>({ version: field('v', string) })
 * @see wire-host-rpc.md §3.3
 */
export function struct<T extends object>(fields: Fields<T>): Codec<T> {
  const slots: readonly Slot[] = Object.entries<Field<unknown>>(fields as Record<string, Field<unknown>>).map(
    ([name, { key, codec, omitEmpty }]) => {
      const header = new Writer({ initialBytes: 16 })
      header.string(key)
      return { name, header: header.bytes(), codec, omitEmpty }
    }
  )
  const byKey = new Map<number | string, Slot>()
  for (const slot of slots) byKey.set(new Reader(slot.header).key(), slot)

  function zero(): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const { name, codec } of slots) value[name] = codec.zero()
    return value
  }

  return {
    encode: (writer, value) => {
      const record = value as Readonly<Record<string, unknown>>
      let entries = 0
      for (const slot of slots) if (!slot.omitEmpty || !slot.codec.isZero(record[slot.name])) entries++
      writer.mapHeader(entries)
      for (const slot of slots) {
        const one = record[slot.name]
        if (slot.omitEmpty && slot.codec.isZero(one)) continue
        writer.encoded(slot.header)
        slot.codec.encode(writer, one)
      }
    },
    decode: (reader) => {
      const value = zero()
      if (isArray(reader.peek())) readPositions(reader, slots, value)
      else readEntries(reader, byKey, value)
      return value as T
    },
    isZero: (value) => {
      const record = value as Readonly<Record<string, unknown>>
      return slots.every(({ name, codec }) => codec.isZero(record[name]))
    },
    zero: () => zero() as T
  }
}

/**
 * Go's `struct{}`, the argument or reply of a method that has none: written as an empty map, read from any map, array
 * or nil.
 */
export const empty: Codec<undefined> = mapped(
  struct<object>({}),
  () => undefined,
  () => ({}),
  () => true
)

function isArray(byte: number): boolean {
  return (byte >= 0x90 && byte < 0xa0) || byte === 0xdc || byte === 0xdd
}

function readEntries(reader: Reader, byKey: ReadonlyMap<number | string, Slot>, into: Record<string, unknown>): void {
  const count = reader.enterMap()
  if (count < 0) return
  for (let i = 0; i < count; i++) {
    const slot = byKey.get(reader.key())
    if (slot === undefined) reader.skip()
    else into[slot.name] = slot.codec.decode(reader)
  }
  reader.leave()
}

function readPositions(reader: Reader, slots: readonly Slot[], into: Record<string, unknown>): void {
  const count = reader.enterArray()
  for (let i = 0; i < count; i++) {
    const slot = slots[i]
    if (slot === undefined) reader.skip()
    else into[slot.name] = slot.codec.decode(reader)
  }
  reader.leave()
}
