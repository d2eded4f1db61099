import { ClusterError, type WithTimeOffsets } from '@cluster/api'
import { always, array, field, map, mapped, struct, type Codec, type Field, type Fields } from '@cluster/msgpack'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { compareUtf8, quote } from './json.ts'

/** How values of a type are printed and read as JSON. */
export interface JsonForm<T> {
  /** The JSON text, byte for byte as Go prints it. */
  readonly print: (value: T, offsetMinutes?: number) => string
  /** Reads what {@link parseJson} returned. Throws `CORRUPT`. */
  readonly read: (json: unknown) => T
  /** Of times: how many minutes the clock of a text is ahead of UTC. */
  readonly offset?: (json: unknown) => number
  /** Whether Go's `omitempty` leaves the value out. */
  readonly isEmpty: (value: T) => boolean
  /** The value of a key that is missing or null. */
  readonly zero: () => T
}

/** Both forms of a type. */
export interface Form<T> {
  readonly msgpack: Codec<T>
  readonly json: JsonForm<T>
}

/**
 * A value as it may come from a Go peer: a CID, a peer ID or bytes that the domain type requires may be missing, because
 * Go has zero values.
 */
export type Loose<T> = {
  readonly [K in keyof T]: T[K] extends CID | PeerId | Uint8Array ? T[K] | undefined : T[K]
}

/** One property of a {@link record}: its form and its keys. */
export interface RecordField<T> {
  readonly form: Form<T>
  readonly jsonKey: string
  readonly omitJson: boolean
  readonly msgpack: Field<T>
}

/** The properties of a {@link record} in Go's order of declaration. */
export type RecordFields<T> = {
  readonly [K in Exclude<keyof T, keyof WithTimeOffsets>]-?: RecordField<T[K]>
}

/**
 * One property: its form and its keys in JSON and msgpack, as the tables of the specification give them. A key that
 * ends in `°` is left out when the value is empty.
 *
 * @see wire-host-rpc.md §4.4
 */
export function at<T>(form: Form<T>, json: string, msgpack: string): RecordField<T> {
  const omitJson = json.endsWith('°')
  const mark = msgpack.endsWith('°') ? field : always
  return {
    form,
    jsonKey: omitJson ? json.slice(0, -1) : json,
    omitJson,
    msgpack: mark(msgpack.replace('°', ''), form.msgpack)
  }
}

/**
 * A Go struct in both forms. In JSON, keys are found whatever their case, unknown ones are ignored, and times are printed
 * in the offset that they were read in.
 */
export function record<T extends object>(fields: RecordFields<T>): Form<T> {
  const entries = Object.entries<RecordField<unknown>>(fields as Record<string, RecordField<unknown>>)
  const codec = struct<T>(Object.fromEntries(entries.map(([name, { msgpack }]) => [name, msgpack])) as Fields<T>)
  const slots = entries.map(([name, { form, jsonKey, omitJson }]) => ({
    name,
    json: form.json,
    key: jsonKey,
    omitJson,
    prefix: `${quote(jsonKey)}:`
  }))
  const byKey = new Map(slots.map((slot) => [slot.key, slot]))
  const byLowerCase = new Map(slots.map((slot) => [slot.key.toLowerCase(), slot]))
  return {
    msgpack: codec,
    json: {
      print: (value) => {
        const properties = value as Readonly<Record<string, unknown>>
        const { timeOffsets } = value as WithTimeOffsets
        let text = ''
        for (const { name, json, omitJson, prefix } of slots) {
          const property = properties[name]
          if (omitJson && json.isEmpty(property)) continue
          text += `${text === '' ? '' : ','}${prefix}${json.print(property, timeOffsets?.[name])}`
        }
        return `{${text}}`
      },
      read: (input) => {
        const value: Record<string, unknown> = {}
        for (const { name, json } of slots) value[name] = json.zero()
        for (const [key, property] of Object.entries(objectOf(input))) {
          const slot = byKey.get(key) ?? byLowerCase.get(key.toLowerCase())
          if (slot === undefined) continue
          value[slot.name] = inside(slot.key, () => slot.json.read(property))
          const offset = slot.json.offset?.(property) ?? 0
          if (offset !== 0) value['timeOffsets'] = { ...(value as WithTimeOffsets).timeOffsets, [slot.name]: offset }
        }
        return value as T
      },
      isEmpty: () => false,
      zero: () => codec.zero()
    }
  }
}

/** A domain type over its loose form: reading fails with `CORRUPT` when one of the properties is missing. */
export function complete<T extends object>(
  what: string,
  loose: Form<Loose<T>>,
  required: readonly (keyof T & string)[]
): Form<T> {
  function check(value: Loose<T>): T {
    for (const key of required)
      if (value[key] === undefined) throw new ClusterError('CORRUPT', `${what} without ${key}`)
    return value as T
  }
  const { msgpack, json } = loose
  return {
    msgpack: {
      encode: msgpack.encode,
      decode: (reader) => check(msgpack.decode(reader)),
      isZero: msgpack.isZero,
      zero: () => check(msgpack.zero())
    },
    json: {
      print: json.print,
      read: (input) => check(json.read(input)),
      isEmpty: () => false,
      zero: () => check(json.zero())
    }
  }
}

/** A value that must not be nil: an item of a list, an argument. */
export function present<T>(what: string, form: Form<T | undefined>): Form<T> {
  function check(value: T | undefined): T {
    if (value === undefined) throw new ClusterError('CORRUPT', `${what} is missing`)
    return value
  }
  return {
    msgpack: mapped(
      form.msgpack,
      check,
      (value) => value,
      () => false
    ),
    json: { ...form.json, read: (json) => check(form.json.read(json)), zero: () => check(undefined) }
  }
}

/** Go's slice; `undefined` is nil (`null`), which differs from the empty one. */
export function list<T>(item: Form<T>): Form<readonly T[] | undefined> {
  return {
    msgpack: array(item.msgpack),
    json: {
      print: (value) => (value === undefined ? 'null' : `[${value.map(item.json.print).join()}]`),
      read: (json) => {
        if (json === null || json === undefined) return undefined
        if (!Array.isArray(json)) throw wrongType('a list', json)
        return json.map((one, index) => inside(index.toString(), () => item.json.read(one)))
      },
      isEmpty: (value) => value === undefined || value.length === 0,
      zero: () => undefined
    }
  }
}

/** Go's map; `undefined` is nil (`null`). Printed with its keys in the order of their bytes. */
export function mapOf<T>(item: Form<T>): Form<ReadonlyMap<string, T> | undefined> {
  return {
    msgpack: map(item.msgpack),
    json: {
      print: (value) => {
        if (value === undefined) return 'null'
        const entries = [...value].sort(([a], [b]) => compareUtf8(a, b))
        return `{${entries.map(([key, one]) => `${quote(key)}:${item.json.print(one)}`).join()}}`
      },
      read: (json) => {
        if (json === null || json === undefined) return undefined
        return new Map(
          Object.entries(objectOf(json)).map(([key, one]) => [key, inside(key, () => item.json.read(one))])
        )
      },
      isEmpty: (value) => value === undefined || value.size === 0,
      zero: () => undefined
    }
  }
}

/** The error for JSON of another type than expected. */
export function wrongType(wanted: string, json: unknown): ClusterError {
  const got = json === null ? 'null' : Array.isArray(json) ? 'a list' : `a ${typeof json}`
  return new ClusterError('CORRUPT', `${wanted} was expected, got ${got}`)
}

function objectOf(json: unknown): object {
  if (json === null || json === undefined) return {}
  if (typeof json !== 'object' || Array.isArray(json)) throw wrongType('an object', json)
  return json
}

/** Says in the error where the fault was. */
function inside<T>(key: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    throw new ClusterError(error.code, `${key}: ${error.message}`, { cause: error.cause })
  }
}
