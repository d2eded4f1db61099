import type { KeyRange } from './counted-set.ts'
import { folded, type PinFilter } from '../list-query.ts'
import type { ServedPin } from '../served-pin.ts'
import { hash } from 'node:crypto'

/** Instants from 1970 on have their place; all before have that of the first. */
const MAX_MS = 2 ** 48 - 1
const MS_DIGITS = 12
const HASH_DIGITS = 16

interface Json {
  readonly c: string
  readonly t: number
  readonly n?: string
  readonly m?: Readonly<Record<string, string>>
  readonly o?: readonly string[]
  readonly a?: readonly string[]
}

/** A pin as the index keeps it. */
export function encodeRecord({ cid, createdMs, name, meta, origins, allocations }: ServedPin): Buffer {
  const json: Json = {
    c: cid.toString(),
    t: createdMs,
    ...(name === '' ? {} : { n: name }),
    ...(meta.size === 0 ? {} : { m: Object.fromEntries(meta) }),
    ...(origins.length === 0 ? {} : { o: origins }),
    ...(allocations.length === 0 ? {} : { a: allocations })
  }
  return Buffer.from(JSON.stringify(json))
}

/** Reads a record back; `undefined` for what is none. */
export function decodeRecord(key: string, bytes: Uint8Array): ServedPin | undefined {
  try {
    const { c, t, n = '', m = {}, o = [], a = [] } = JSON.parse(Buffer.from(bytes).toString()) as Json
    return {
      key,
      cid: c,
      name: n,
      meta: new Map(Object.entries(m)),
      origins: o,
      allocations: a,
      createdMs: t
    }
  } catch {
    return undefined
  }
}

/** The place of a pin among all: newest first, then by CID. */
export function orderKey({ createdMs, key }: Pick<ServedPin, 'createdMs' | 'key'>): string {
  return instantKey(createdMs) + key
}

/** The place of a pin in pinset order, from its place among all. */
export function pinKeyOf(order: string): string {
  return order.slice(MS_DIGITS)
}

/** The places of the pins of some time. */
export function orderRange({ minMs, maxMs }: Pick<PinFilter, 'minMs' | 'maxMs'>): KeyRange {
  return {
    gte: maxMs === Infinity ? '!' : instantKey(maxMs),
    lt: minMs <= 0 ? '~' : instantKey(minMs - 1)
  }
}

function instantKey(ms: number): string {
  const inverse = MAX_MS - Math.min(MAX_MS, Math.max(0, ms))
  return inverse.toString(16).padStart(MS_DIGITS, '0')
}

/** What pins whose names differ in their letter case only have in common. */
export function foldedNameHash(name: string): string {
  return hash('sha256', folded(name)).slice(0, HASH_DIGITS)
}

/** What the pins of one name have in common. */
export function nameHash(name: string): string {
  return foldedNameHash(name) + hash('sha256', name).slice(0, HASH_DIGITS)
}

/** What scans look at, beside the order. */
export function encodeSearched({ name, meta }: Pick<ServedPin, 'name' | 'meta'>): Buffer {
  const bytes = Buffer.from(name)
  const length = Buffer.allocUnsafe(2)
  length.writeUInt16BE(Math.min(bytes.length, 65_535))
  const pairs = meta.size === 0 ? '' : JSON.stringify([...meta])
  return Buffer.concat([length, bytes.subarray(0, 65_535), Buffer.from(pairs)])
}

/** The name that {@link encodeSearched} wrote. */
export function searchedName(bytes: Buffer): string {
  return bytes.toString('utf8', 2, 2 + bytes.readUInt16BE(0))
}

/** The metadata that {@link encodeSearched} wrote. */
export function searchedMeta(bytes: Buffer): ReadonlyMap<string, string> {
  const text = bytes.toString('utf8', 2 + bytes.readUInt16BE(0))
  return new Map(text === '' ? [] : (JSON.parse(text) as [string, string][]))
}
