import { ClusterError, type ConfigSection, type OptionDoc } from '@cluster/api'
import { z } from 'zod'
import { assignmentError } from './environment-text.ts'
import type { Group, Option, Shape } from './option.ts'

type Camel<K extends string> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : K
type NameOf<K, O> = K extends string
  ? O extends Option<unknown, infer Suffix>
    ? `${Camel<K>}${Suffix}`
    : Camel<K>
  : never
type ValueOf<O> = O extends Group<infer S> ? Values<S> : O extends { readonly default: infer T } ? T : never

/** The values of a shape: camelCase names, durations in milliseconds with `Ms` behind the name. */
export type Values<S extends Shape> = { readonly [K in keyof S as NameOf<K, S[K]>]: ValueOf<S[K]> }

/** The values of a section made by {@link section}. */
export type ValuesOf<X> = X extends ConfigSection<infer C> ? C : never

/** What makes a section. */
export interface SectionInit<S extends Shape> {
  /** How errors call the section, such as `disk`. */
  readonly name: string
  /** Prefix of its environment variables, such as `CLUSTER_DISK`. */
  readonly env: string
  readonly options: S
  /** What a value of the wrong JSON type is answered with; the default names the option and what it expects. */
  readonly typeError?: string
  /**
   * Says what is wrong with values that parsed, if anything; the first failure wins.
   *
   * @param baseDir - the folder that relative paths are seen from
   */
  validate?(values: Values<S>, baseDir: string): string | undefined
}

/** A section with its defaults, as `init` writes them. */
export interface Section<C> extends ConfigSection<C> {
  readonly name: string
  readonly defaults: C
}

/** What a display shows of a secret. */
const HIDDEN = 'XXX_hidden_XXX'

type AnyOption = Option<unknown, string>
type Json = Readonly<Record<string, unknown>>
const isGroup = (entry: AnyOption | Group<Shape>): entry is Group<Shape> => 'group' in entry
const entriesOf = (shape: Shape): [string, AnyOption | Group<Shape>][] => Object.entries(shape)

/**
 * A section of `service.json` from one table of options: it reads JSON and environment by the rules of the reference,
 * validates, writes the file and the display form, and documents itself.
 *
 * @example
 * ```ts
 * const config = section({
 *   name: 'disk',
 *   env: 'CLUSTER_DISK',
 *   options: { metric_ttl: duration({ default: 30_000, description: 'How long a published metric is valid' }) },
 *   validate: ({ metricTtlMs }) => (metricTtlMs <= 0 ? 'disk.metric_ttl is invalid' : undefined)
 * })
 * config.load({ metric_ttl: '1m' }, {}, '.') // { metricTtlMs: 60000 }
 * ```
 * @see cli-config.md §4
 */
export function section<const S extends Shape>(init: SectionInit<S>): Section<Values<S>> {
  const defaults = defaultsOf(init.options) as Values<S>
  return {
    name: init.name,
    env: init.env,
    defaults,
    load(json, env, baseDir) {
      const overridden = applyEnvironment(init, json, env)
      const values = (
        overridden === undefined ? defaults : read(init.options, overridden, init.name, init.typeError)
      ) as Values<S>
      const failure = init.validate?.(values, baseDir)
      if (failure !== undefined) throw new ClusterError('CONFIG_INVALID', failure)
      return values
    },
    save: (config, form) => write(init.options, config, form, form === 'display'),
    describe: () => [...describe(init.options, init.env)]
  }
}

/** The name in code of an option: camelCase of its key, with the unit behind it. */
function nameOf(key: string, entry: AnyOption | Group<Shape>): string {
  const camel = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  return isGroup(entry) ? camel : camel + entry.suffix
}

function defaultsOf(shape: Shape): Json {
  return Object.fromEntries(
    entriesOf(shape).map(([key, entry]) => [
      nameOf(key, entry),
      isGroup(entry) ? defaultsOf(entry.group) : entry.default
    ])
  )
}

/** Like Go: the exact key, else one that differs by case only. */
function lookUp(json: Json, key: string): unknown {
  if (Object.hasOwn(json, key)) return json[key]
  const other = Object.keys(json).find((candidate) => candidate.toLowerCase() === key.toLowerCase())
  return other === undefined ? undefined : json[other]
}

function asObject(json: unknown, path: string, typeError?: string): Json {
  const parsed = z.record(z.string(), z.unknown()).safeParse(json)
  if (parsed.success) return parsed.data
  throw new ClusterError('CONFIG_INVALID', typeError ?? `${path}: expected an object`)
}

function read(shape: Shape, json: unknown, path: string, typeError: string | undefined): Json {
  const object = asObject(json, path, typeError)
  return Object.fromEntries(
    entriesOf(shape).map(([key, entry]) => {
      const raw = lookUp(object, key) ?? undefined
      const name = `${path}.${key}`
      if (!isGroup(entry)) return [nameOf(key, entry), readOption(entry, raw, name, typeError)]
      return [nameOf(key, entry), raw === undefined ? defaultsOf(entry.group) : read(entry.group, raw, name, typeError)]
    })
  )
}

const isEmpty = (raw: unknown): boolean =>
  raw === '' || raw === 0 || raw === false || (Array.isArray(raw) && raw.length === 0)

function readOption(entry: AnyOption, given: unknown, path: string, typeError: string | undefined): unknown {
  const raw = given === undefined && entry.load === 'R' ? '' : given
  if (raw === undefined) return entry.load === 'Z' ? entry.zero : entry.default
  if (isEmpty(raw) && (entry.load === 'D' || entry.load === 'B')) return entry.default
  // The zero of a duration may also be written as the empty text.
  if (raw === '' && entry.suffix === 'Ms') return entry.zero
  const parsed = z.safeDecode(entry.codec, raw)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  // A conversion that fails is an issue of its own kind; all others say that the JSON type is wrong.
  const isType = issue?.code !== 'custom'
  if (isType) throw new ClusterError('CONFIG_INVALID', typeError ?? `error parsing ${path}: ${expected(entry, issue)}`)
  if (entry.invalidIsZero) return entry.zero
  throw new ClusterError('CONFIG_INVALID', `${entry.parseError ?? `error parsing ${path}`}: ${issue.message}`)
}

const expected = ({ type }: AnyOption, issue: z.core.$ZodIssue | undefined): string =>
  issue === undefined || issue.code === 'invalid_union' ? `expected ${type}` : issue.message

/** @param whole - write also what the file would omit: a display shows every key of the first level */
function write(shape: Shape, values: Json, form: 'file' | 'display', whole = false): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, entry] of entriesOf(shape)) {
    const value = values[nameOf(key, entry)]
    if (isGroup(entry)) {
      const inner = write(entry.group, value as Json, form)
      // A group of options that the reference does not know is not there until one is set.
      if (Object.keys(inner).length > 0) out[key] = inner
      continue
    }
    const json: unknown = z.encode(entry.codec, value)
    if (form === 'display' && entry.secret) {
      out[key] = HIDDEN // set or not
      continue
    }
    if (entry.omit && !whole && sameJson(json, z.encode(entry.codec, entry.default))) continue
    out[key] = json
  }
  return out
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

function envName(prefix: string, key: string): string {
  return `${prefix}_${key.replaceAll('_', '').toUpperCase()}`
}

/** Environment variables stand for JSON values; a section that the file lacks stays absent unless one is set. */
function applyEnvironment<S extends Shape>(
  init: SectionInit<S>,
  json: unknown,
  env: Readonly<Record<string, string | undefined>>
): unknown {
  const base: unknown = json ?? write(init.options, defaultsOf(init.options), 'file')
  const { changed, value } = overlay(init.options, asObject(base, init.name, init.typeError), env, init.env)
  return changed ? value : (json ?? undefined)
}

function overlay(
  shape: Shape,
  json: Json,
  env: Readonly<Record<string, string | undefined>>,
  prefix: string
): { changed: boolean; value: Json } {
  const value: Record<string, unknown> = { ...json }
  let changed = false
  for (const [key, entry] of entriesOf(shape)) {
    const name = envName(prefix, key)
    if (isGroup(entry)) {
      const raw = lookUp(json, key) ?? write(entry.group, defaultsOf(entry.group), 'file')
      const object = z.record(z.string(), z.unknown()).safeParse(raw)
      if (!object.success) continue // what is wrong with it, reading it says
      const inner = overlay(entry.group, object.data, env, name)
      if (inner.changed) value[key] = inner.value
      changed ||= inner.changed
      continue
    }
    const set = env[name]
    if (set === undefined) continue
    const converted = convert(entry, key, name, set)
    // Set but empty: a value with a default stays as the file has it, the others become empty.
    if (isEmpty(converted) && (entry.load === 'D' || entry.load === 'B')) continue
    value[key] = converted
    changed = true
  }
  return { changed, value }
}

function convert(entry: AnyOption, key: string, name: string, set: string): unknown {
  try {
    return entry.fromEnv(set)
  } catch (error) {
    const details = error instanceof Error ? error.message : String(error)
    // The reason may quote a secret.
    const [shown, why] = entry.secret ? [HIDDEN, 'invalid map item'] : [set, details]
    throw new ClusterError('CONFIG_INVALID', assignmentError(name, key, shown, entry.goType, why))
  }
}

function whenAbsent(entry: AnyOption): string {
  if (entry.load === 'R') return 'required'
  return JSON.stringify(z.encode(entry.codec, entry.load === 'Z' ? entry.zero : entry.default))
}

function* describe(shape: Shape, env: string, path = ''): Generator<OptionDoc> {
  for (const [key, entry] of entriesOf(shape)) {
    const name = envName(env, key)
    if (isGroup(entry)) {
      yield* describe(entry.group, name, `${path}${key}.`)
      continue
    }
    const byDefault = JSON.stringify(z.encode(entry.codec, entry.default))
    const { type, description, secret } = entry
    const doc = { key: path + key, env: name, type, description, default: entry.defaultText ?? byDefault, secret }
    const absent = whenAbsent(entry)
    yield absent === byDefault ? doc : { ...doc, absent }
  }
}
