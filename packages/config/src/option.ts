import { formatMultiaddr, parseMultiaddr } from './multiaddr-text.ts'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import { formatDuration, parseDuration } from '@cluster/api'
import { parseSecret } from './secret.ts'
import { parsePeerId } from './peer-id-text.ts'
import { readBoolean, readFloat, readInteger, readList, readMap } from './environment-text.ts'

/**
 * What an absent value means: `D` absent, empty or zero keeps the default; `Z` absent is the zero value; `R` must be
 * there (absent reads as the empty text); `B` only `true` is ever taken.
 *
 * @see cli-config.md §4.3
 */
export type LoadRule = 'D' | 'Z' | 'R' | 'B'

/** What is said of one option besides its form. */
export interface OptionInit<T> {
  readonly description: string
  readonly default: T
  /** What documentation says of a default that is another one on each machine. */
  readonly defaultText?: string
  readonly load?: LoadRule
  /** Left out of the file while it equals the default. */
  readonly omit?: boolean
  /** Hidden in displays and never logged. */
  readonly secret?: boolean
  /** Start of the error for a value that does not parse; the default names the option. */
  readonly parseError?: string
  /** A text that does not parse counts as zero, which the validation of the section then refuses in its own words. */
  readonly invalidIsZero?: boolean
}

/** One option: a zod codec between its JSON and its value, and the rules around it. */
export interface Option<T, Suffix extends string = ''> extends Required<
  Omit<OptionInit<T>, 'parseError' | 'defaultText'>
> {
  readonly parseError: string | undefined
  readonly defaultText: string | undefined
  readonly codec: z.ZodType<T>
  readonly zero: T
  /** Appended to the name in code: `Ms` for durations. */
  readonly suffix: Suffix
  /** How the type is called in documentation. */
  readonly type: string
  /** How Go calls the type, for the error of an environment variable. */
  readonly goType: string
  /** Reads the text of an environment variable as JSON value; what it throws is the reason that the error gives. */
  fromEnv(text: string): unknown
}

/** A secret of 32 bytes as 64 hex digits; empty means none. */
export function secretKey(init: OptionInit<Uint8Array | undefined>): Option<Uint8Array | undefined> {
  const form = codec<z.ZodString, Uint8Array | undefined>(z.string(), parseSecret, (key) =>
    key === undefined ? '' : Buffer.from(key).toString('hex')
  )
  return option({ codec: form, zero: undefined, type: '64 hex digits', suffix: '', fromEnv: asIs }, init)
}

/** Several options under one key; absent means all defaults. */
export interface Group<S extends Shape> {
  readonly group: S
}

/** The options of a section by JSON key. */
export type Shape = { readonly [key: string]: Option<unknown, string> | Group<Shape> }

interface Form<T, Suffix extends string> {
  readonly codec: z.ZodType<T>
  readonly zero: T
  readonly type: string
  readonly goType?: string
  readonly suffix: Suffix
  fromEnv(text: string): unknown
}

function option<T, Suffix extends string>(form: Form<T, Suffix>, init: OptionInit<T>): Option<T, Suffix> {
  return {
    load: 'D',
    omit: false,
    secret: false,
    invalidIsZero: false,
    goType: 'string',
    ...init,
    ...form,
    parseError: init.parseError,
    defaultText: init.defaultText
  }
}

const asIs = (text: string): unknown => text
/** A list that may stand as a bare text when it has one element. */
const stringOrArray = z.union([z.string(), z.array(z.string())])
const asList = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? (value === '' ? [] : [value]) : value
const asStringOrArray = (list: readonly string[]): string | string[] =>
  list.length === 1 && list[0] !== undefined ? list[0] : [...list]

/** Wraps a conversion so that its exceptions become issues of zod. */
function codec<J extends z.ZodType, T>(
  json: J,
  decode: (value: z.output<J>) => T,
  encode: (value: T) => z.input<J>
): z.ZodType<T> {
  return z.codec(json, z.custom<T>(), {
    decode: (value, context) => {
      try {
        return decode(value)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        context.issues.push({ code: 'custom', message, input: value })
        return z.NEVER
      }
    },
    encode: (value) => encode(value) as z.output<J>
  })
}

/** A text. */
export function text(init: OptionInit<string>): Option<string> {
  return option({ codec: z.string(), zero: '', type: 'string', suffix: '', fromEnv: asIs }, init)
}

/** A whole number. */
export function integer(init: OptionInit<number>): Option<number> {
  return option({ codec: z.int(), zero: 0, type: 'integer', goType: 'int', suffix: '', fromEnv: readInteger }, init)
}

/** A whole number, zero or more. */
export function unsignedInteger(init: OptionInit<number>, goType: 'uint' | 'uint64' = 'uint64'): Option<number> {
  const fromEnv = (text: string): unknown => readInteger(text, true)
  return option({ codec: z.int().min(0), zero: 0, type: 'integer, 0 or more', goType, suffix: '', fromEnv }, init)
}

/** A floating-point number. */
export function decimalNumber(init: OptionInit<number>): Option<number> {
  return option({ codec: z.number(), zero: 0, type: 'number', goType: 'float64', suffix: '', fromEnv: readFloat }, init)
}

/** True or false. */
export function flag(init: OptionInit<boolean>): Option<boolean> {
  const codec = z.boolean()
  return option({ codec, zero: false, type: 'boolean', goType: 'bool', suffix: '', fromEnv: readBoolean }, init)
}

/** A Go duration in JSON, milliseconds in code, where `Ms` is appended to the name. */
export function duration(init: OptionInit<number>): Option<number, 'Ms'> {
  const form = codec(z.string(), parseDuration, formatDuration)
  return option({ codec: form, zero: 0, type: 'duration', suffix: 'Ms', fromEnv: asIs }, init)
}

/** A list of texts. */
export function texts(init: OptionInit<readonly string[]>): Option<readonly string[]> {
  const form = codec<z.ZodArray<z.ZodString>, readonly string[]>(
    z.array(z.string()),
    (list) => list,
    (list) => [...list]
  )
  return option({ codec: form, zero: [], type: 'list of strings', suffix: '', fromEnv: readList }, init)
}

/** Listen or announce addresses: a bare text or a list. */
export function addresses(init: OptionInit<readonly Multiaddr[]>): Option<readonly Multiaddr[]> {
  const form = codec<typeof stringOrArray, readonly Multiaddr[]>(
    stringOrArray,
    (value) => asList(value).map(parseMultiaddr),
    (list) => asStringOrArray(list.map(formatMultiaddr))
  )
  return option({ codec: form, zero: [], type: 'multiaddress or list', suffix: '', fromEnv: readList }, init)
}

/** One address. */
export function address(init: OptionInit<Multiaddr | undefined>): Option<Multiaddr | undefined> {
  const form = codec<z.ZodString, Multiaddr | undefined>(
    z.string(),
    (text) => (text === '' ? undefined : parseMultiaddr(text)),
    (value) => (value === undefined ? '' : formatMultiaddr(value))
  )
  return option({ codec: form, zero: undefined, type: 'multiaddress', suffix: '', fromEnv: asIs }, init)
}

/** An address that must be there: where the section exists, absent and empty are refused as the empty address. */
export function requiredAddress(init: OptionInit<Multiaddr>): Option<Multiaddr> {
  const form = codec<z.ZodString, Multiaddr>(z.string(), parseMultiaddr, formatMultiaddr)
  const required = { ...init, load: 'R' } as const
  return option({ codec: form, zero: init.default, type: 'multiaddress', suffix: '', fromEnv: asIs }, required)
}

/** A list of addresses that is always written as a list. */
export function addressList(init: OptionInit<readonly Multiaddr[]>): Option<readonly Multiaddr[]> {
  const form = codec<z.ZodArray<z.ZodString>, readonly Multiaddr[]>(
    z.array(z.string()),
    (value) => value.map(parseMultiaddr),
    (list) => list.map(formatMultiaddr)
  )
  return option({ codec: form, zero: [], type: 'list of multiaddresses', suffix: '', fromEnv: readList }, init)
}

/** A list of peer IDs in which any `*` means everybody, as the value `*`. */
export function peersOrAll(init: OptionInit<readonly PeerId[] | '*'>): Option<readonly PeerId[] | '*'> {
  const form = codec<z.ZodArray<z.ZodString>, readonly PeerId[] | '*'>(
    z.array(z.string()),
    (list) => (list.includes('*') ? '*' : list.map(parsePeerId)),
    (peers) => (peers === '*' ? ['*'] : peers.map(String))
  )
  return option({ codec: form, zero: [], type: 'list of peer IDs or *', suffix: '', fromEnv: readList }, init)
}

/** A map from text to text, or `null`. */
export function textMap(
  init: OptionInit<Readonly<Record<string, string>> | null>
): Option<Readonly<Record<string, string>> | null> {
  const form = z.record(z.string(), z.string()).nullable() as z.ZodType<Readonly<Record<string, string>> | null>
  const fromEnv = (value: string): unknown => Object.fromEntries(readMap(value))
  const names = { type: 'map of strings', goType: 'map[string]string' }
  return option({ codec: form, zero: null, ...names, suffix: '', fromEnv }, init)
}

/** A map from text to a list of texts, such as HTTP headers. */
export function headerMap(
  init: OptionInit<Readonly<Record<string, readonly string[]>>>
): Option<Readonly<Record<string, readonly string[]>>> {
  const form = codec<z.ZodRecord<z.ZodString, z.ZodArray<z.ZodString>>, Readonly<Record<string, readonly string[]>>>(
    z.record(z.string(), z.array(z.string())),
    (value) => value,
    (value) => Object.fromEntries(Object.entries(value).map(([key, list]) => [key, [...list]]))
  )
  const fromEnv = (value: string): unknown => Object.fromEntries(readMap(value).map(([key, item]) => [key, [item]]))
  const names = { type: 'map of lists', goType: 'map[string][]string' }
  return option({ codec: form, zero: {}, ...names, suffix: '', fromEnv }, init)
}

/** A list of numbers, or `null`. */
export function numbers(init: OptionInit<readonly number[] | null>): Option<readonly number[] | null> {
  const form = z.array(z.number()).nullable() as z.ZodType<readonly number[] | null>
  const fromEnv = (value: string): unknown => readList(value).map(readFloat)
  return option({ codec: form, zero: null, type: 'list of numbers', goType: '[]float64', suffix: '', fromEnv }, init)
}

/** Options that stand together under one key. */
export function group<const S extends Shape>(shape: S): Group<S> {
  return { group: shape }
}
