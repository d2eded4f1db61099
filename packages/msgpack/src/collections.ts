import type { Codec } from './codec.ts'

const isNil = (value: unknown): boolean => value === undefined
const nothing = (): undefined => undefined

/** Go's slice; `undefined` for nil, which differs from the empty one. */
export function array<T>(item: Codec<T>): Codec<readonly T[] | undefined> {
  return {
    encode: (writer, value) => {
      if (value === undefined) {
        writer.nil()
        return
      }
      writer.arrayHeader(value.length)
      for (const one of value) item.encode(writer, one)
    },
    decode: (reader) => {
      const count = reader.enterArray()
      if (count < 0) return undefined
      const list: T[] = []
      for (let i = 0; i < count; i++) list.push(item.decode(reader))
      reader.leave()
      return list
    },
    isZero: isNil,
    zero: nothing
  }
}

/** Go's map with string keys; `undefined` for nil. Written in the order of the Map; of a key given twice the last wins. */
export function map<T>(item: Codec<T>): Codec<ReadonlyMap<string, T> | undefined> {
  return {
    encode: (writer, value) => {
      if (value === undefined) {
        writer.nil()
        return
      }
      writer.mapHeader(value.size)
      for (const [key, one] of value) {
        writer.string(key)
        item.encode(writer, one)
      }
    },
    decode: (reader) => {
      const count = reader.enterMap()
      if (count < 0) return undefined
      const entries = new Map<string, T>()
      for (let i = 0; i < count; i++) entries.set(reader.string(), item.decode(reader))
      reader.leave()
      return entries
    },
    isZero: isNil,
    zero: nothing
  }
}
