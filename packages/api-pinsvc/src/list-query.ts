import { ClusterError, parseTimestamp } from '@cluster/api'
import { CID } from 'multiformats/cid'
import type { ServedPin } from './served-pin.ts'
import { SERVICE_STATUSES, type ServiceStatus } from './service-status.ts'

const DEFAULT_LIMIT = 10
/** Most results of one answer. A limit above it counts as this, 0 as none, as clients of the reference may send them. */
const MAX_LIMIT = 1000
/** Longest name that is looked for, in bytes, as in the reference. */
const MAX_NAME_BYTES = 255
const NANOS_PER_MS = 1_000_000n

/** How a name is compared. */
type NameMatch = 'exact' | 'iexact' | 'partial' | 'ipartial'

/** Which pins are wanted. */
export interface PinFilter {
  /** Empty for any. */
  readonly name: string
  readonly match: NameMatch
  /** Pairs that a pin must have; a pin that lacks a key has the empty value. */
  readonly meta: ReadonlyMap<string, string>
  /** First and last instant, in milliseconds. */
  readonly minMs: number
  readonly maxMs: number
}

/** What `GET /pins` asks for. */
export interface ListQuery extends PinFilter {
  /** Only these; absent for all. */
  readonly cids: readonly CID[] | undefined
  readonly statuses: ReadonlySet<ServiceStatus>
  readonly limit: number
}

/**
 * Reads the query of `GET /pins`. Parameters that are empty count as absent.
 *
 * @throws {ClusterError} `BAD_REQUEST` in the words of the reference
 * @see http-apis.md §6.7
 */
export function listQueryOf(query: ReadonlyMap<string, string>): ListQuery {
  const text = (name: string): string => query.get(name) ?? ''
  const cids = text('cid')
  const name = text('name')
  const found =
    cids === '' ? undefined : cids.split(',').map((cid) => orBad(`error decoding cid ${cid}`, () => CID.parse(cid)))
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new ClusterError('BAD_REQUEST', "error in 'name' query param: longer than 255 chars")
  }
  return {
    cids: found,
    name,
    match: matchOf(text('match')),
    statuses: statusesOf(text('status')),
    ...boundsOf(text('before'), text('after')),
    limit: limitOf(text('limit')),
    meta: metaOf(text('meta'))
  }
}

/** Whether a pin is wanted, whatever its status. */
export function isWanted(
  { name, meta, createdMs }: Pick<ServedPin, 'name' | 'meta' | 'createdMs'>,
  filter: PinFilter
): boolean {
  if (createdMs < filter.minMs || createdMs > filter.maxMs) return false
  if (!isNameWanted(name, filter)) return false
  for (const [key, value] of filter.meta) if ((meta.get(key) ?? '') !== value) return false
  return true
}

/** Whether a name is wanted. */
export function isNameWanted(name: string, { name: wanted, match }: Pick<PinFilter, 'name' | 'match'>): boolean {
  if (wanted === '') return true
  switch (match) {
    case 'exact':
      return name === wanted
    case 'iexact':
      return folded(name) === folded(wanted)
    case 'partial':
      return name.includes(wanted)
    case 'ipartial':
      return folded(name).includes(folded(wanted))
  }
}

/** A text without the difference between small and capital letters. */
export function folded(text: string): string {
  return text.toLowerCase()
}

function matchOf(text: string): NameMatch {
  return text === 'iexact' || text === 'partial' || text === 'ipartial' ? text : 'exact'
}

/** Unknown names are ignored unless there is no other; without any, all are wanted. */
function statusesOf(text: string): ReadonlySet<ServiceStatus> {
  if (text === '') return new Set(SERVICE_STATUSES)
  const names = text.split(',').map((name) => name.trim())
  const known = SERVICE_STATUSES.filter((status) => names.includes(status))
  if (known.length > 0) return new Set(known)
  throw new ClusterError('BAD_REQUEST', "error decoding 'status' query param: no valid filter")
}

/** Both ends are excluded: the last `created` of a page begins the next. */
function boundsOf(before: string, after: string): Pick<PinFilter, 'minMs' | 'maxMs'> {
  const end = instantOf('before', before)
  const begin = instantOf('after', after)
  return {
    minMs: begin === undefined ? -Infinity : Number(floorToMs(begin)) + 1,
    maxMs: end === undefined ? Infinity : Number(floorToMs(end - 1n))
  }
}

function floorToMs(nanos: bigint): bigint {
  const rest = nanos % NANOS_PER_MS
  return nanos / NANOS_PER_MS - (rest < 0n ? 1n : 0n)
}

function instantOf(name: string, text: string): bigint | undefined {
  if (text === '') return undefined
  return orBad(`error decoding '${name}' query param: ${text}`, () => parseTimestamp(text)) ?? -(2n ** 62n)
}

function limitOf(text: string): number {
  if (text === '') return DEFAULT_LIMIT
  if (!/^\d+$/.test(text)) {
    throw new ClusterError('BAD_REQUEST', `error parsing 'limit' query param: ${text}: not a whole number`)
  }
  return Math.min(Number(text), MAX_LIMIT)
}

function metaOf(text: string): ReadonlyMap<string, string> {
  if (text === '') return new Map()
  const what = `error unmarshalling 'meta' query param: ${text}`
  const json = orBad(what, (): unknown => JSON.parse(text))
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ClusterError('BAD_REQUEST', `${what}: expected an object of strings`)
  }
  const pairs = Object.entries(json).map(([key, value]: [string, unknown]) => {
    if (typeof value === 'string') return [key, value] as const
    throw new ClusterError('BAD_REQUEST', `${what}: the value of ${JSON.stringify(key)} is no string`)
  })
  return new Map(pairs)
}

/** Runs a parser whose failure is the fault of the client. */
export function orBad<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ClusterError('BAD_REQUEST', `${what}: ${reason}`, { cause: error })
  }
}
