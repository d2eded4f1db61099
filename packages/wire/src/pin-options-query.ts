import {
  ClusterError,
  parseDuration,
  parseTimestamp,
  timestampOffset,
  pinModeFromString,
  pinModeToString,
  type PinOptions,
  type Timestamp
} from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { formatQuery, integerParameter, parseUint64 } from './query.ts'
import { cidFromText } from './cid-text.ts'
import { peerIdFromText, printTime } from './scalars.ts'

const METADATA_PREFIX = 'meta-'
const SECOND = 1_000_000_000n
const NANOS_PER_MS = 1e6

/**
 * Pin options as the query of a REST request. Metadata with an empty key is dropped.
 *
 * @see wire-host-rpc.md §4.5
 */
export function pinOptionsToQuery(options: PinOptions): string {
  return formatQuery(pinOptionsParameters(options))
}

/** The parameters of {@link pinOptionsToQuery}. */
export function pinOptionsParameters(options: PinOptions): readonly (readonly [string, string])[] {
  const { expireAt, pinUpdate, origins } = options
  const parameters: [string, string][] = [
    ['replication-min', options.replicationFactorMin.toString()],
    ['replication-max', options.replicationFactorMax.toString()],
    ['name', options.name],
    ['mode', pinModeToString(options.mode)],
    ['shard-size', options.shardSize.toString()],
    ['user-allocations', (options.userAllocations ?? []).map(String).join()]
  ]
  if (expireAt !== undefined) parameters.push(['expire-at', printTime(expireAt, options.timeOffsets?.['expireAt'])])
  for (const [key, value] of options.metadata ?? []) if (key !== '') parameters.push([METADATA_PREFIX + key, value])
  if (pinUpdate !== undefined) parameters.push(['pin-update', pinUpdate.toString()])
  if (origins !== undefined && origins.length > 0) parameters.push(['origins', origins.map(String).join()])
  return parameters
}

/**
 * Reads pin options from a query, in the order of the specification: the first wrong parameter is the error.
 *
 * @param now what `expire-in` counts from
 * @throws ClusterError `BAD_REQUEST` with the text of the Go peer
 * @see http-apis.md §3.13
 */
export function pinOptionsFromQuery(query: ReadonlyMap<string, string>, now: Timestamp): PinOptions {
  const name = query.get('name') ?? ''
  const mode = pinModeFromString(query.get('mode') ?? '')
  const [replicationFactorMin, replicationFactorMax] = factors(query)
  const shardSize = parseUint64(query.get('shard-size') ?? '')
  if (shardSize === undefined && (query.get('shard-size') ?? '') !== '') {
    throw new ClusterError('BAD_REQUEST', 'parameter shard_size is invalid')
  }
  const offset = timestampOffset(query.get('expire-at') ?? '')
  return {
    ...(offset === 0 ? {} : { timeOffsets: { expireAt: offset } }),
    replicationFactorMin,
    replicationFactorMax,
    name,
    mode,
    shardSize: shardSize ?? 0n,
    userAllocations: peers(query.get('user-allocations') ?? ''),
    expireAt: expiry(query, now),
    metadata: metadata(query),
    pinUpdate: update(query.get('pin-update') ?? ''),
    origins: originsOf(query.get('origins') ?? '')
  }
}

function factors(query: ReadonlyMap<string, string>): readonly [min: number, max: number] {
  const both = query.get('replication') ?? ''
  const given = both === '' ? query : new Map(query).set('replication-min', both).set('replication-max', both)
  return [integerParameter(given, 'replication-min', 0), integerParameter(given, 'replication-max', 0)]
}

/** What is no peer ID is dropped without a word, as the Go peer does. */
function peers(text: string): readonly PeerId[] | undefined {
  if (text === '') return undefined
  return text.split(',').flatMap((one) => {
    try {
      return [peerIdFromText(one)]
    } catch {
      return []
    }
  })
}

function expiry(query: ReadonlyMap<string, string>, now: Timestamp): Timestamp | undefined {
  const at = query.get('expire-at') ?? ''
  if (at !== '') return orBadRequest('expire-at cannot be parsed', () => parseTimestamp(at))
  const within = query.get('expire-in') ?? ''
  if (within === '') return undefined
  const duration = orBadRequest('expire-in cannot be parsed', () =>
    BigInt(Math.round(parseDuration(within) * NANOS_PER_MS))
  )
  if (duration < SECOND) throw new ClusterError('BAD_REQUEST', 'expire-in duration too short')
  return now + duration
}

function metadata(query: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of query) {
    if (name.startsWith(METADATA_PREFIX) && name !== METADATA_PREFIX)
      found.set(name.slice(METADATA_PREFIX.length), value)
  }
  return found
}

function update(text: string): CID | undefined {
  return text === '' ? undefined : orBadRequest('error decoding update option parameter', () => cidFromText(text))
}

function originsOf(text: string): readonly Multiaddr[] | undefined {
  if (text === '') return undefined
  return text.split(',').map((one) => {
    const address = orBadRequest('error decoding multiaddress', () => multiaddr(one))
    if (address.getComponents().some(({ name }) => name === 'p2p')) return address
    throw new ClusterError('BAD_REQUEST', `multiaddress does not contain peer ID: ${one}`)
  })
}

function orBadRequest<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new ClusterError('BAD_REQUEST', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause
    })
  }
}
