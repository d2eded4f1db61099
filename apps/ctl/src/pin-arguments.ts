import {
  parseContentPath,
  parseDuration,
  pinModeFromString,
  timestampFromMs,
  timestampToMs,
  type PinOptions,
  type WithTimeOffsets
} from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { Failure } from './failure.ts'

/** The flags that say how something is pinned. */
export interface PinFlags {
  readonly replication?: number | undefined
  readonly replicationMin?: number | undefined
  readonly replicationMax?: number | undefined
  readonly allocations?: string | undefined
  readonly name?: string | undefined
  readonly mode?: string | undefined
  readonly expireIn?: string | undefined
  readonly metadata?: readonly string[] | undefined
}

/** Shorter texts are no CIDs. */
const SHORTEST_CID = 2

/** A CID from the command line. */
export function parseCid(text: string, doing = 'parsing cid'): CID {
  if (text.length < SHORTEST_CID) throw new Failure(doing, 'invalid cid: cid too short')
  try {
    return CID.parse(text)
  } catch (error) {
    throw new Failure(doing, `invalid cid: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A content path from the command line; a bare CID stands for the path below `/ipfs`. */
export function parsePath(text: string): string {
  try {
    return parseContentPath(text).text
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Failure('', message.replace(/^(invalid path "\/ip[a-z]+\/.": invalid cid: ).*$/su, '$1cid too short'))
  }
}

/** The ID of a peer from the command line. */
export function parsePeer(text: string): PeerId {
  try {
    return peerIdFromString(text)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const reason = text.length < SHORTEST_CID ? 'invalid cid: cid too short' : message
    throw new Failure('parsing peer ID', `failed to parse peer ID: ${reason}`)
  }
}

/** The options that the flags ask for. */
export function pinOptionsOf(flags: PinFlags, nowMs: number): Partial<PinOptions> {
  const { replication = 0, name = '', mode = '' } = flags
  const expireAt = parseExpiry(flags.expireIn ?? '', nowMs)
  return {
    name,
    mode: pinModeFromString(mode),
    replicationFactorMin: replication === 0 ? (flags.replicationMin ?? 0) : replication,
    replicationFactorMax: replication === 0 ? (flags.replicationMax ?? 0) : replication,
    userAllocations: parseAllocations(flags.allocations ?? ''),
    expireAt,
    ...zoneOf(expireAt),
    metadata: parseMetadata(flags.metadata ?? [])
  }
}

function parseAllocations(list: string): readonly PeerId[] | undefined {
  if (list === '') return undefined
  try {
    return list.split(',').map((id) => peerIdFromString(id.trim()))
  } catch {
    throw new Failure('decoding allocations', 'some peer IDs could not be decoded')
  }
}

function parseExpiry(text: string, nowMs: number): bigint | undefined {
  if (text === '') return undefined
  try {
    return timestampFromMs(nowMs + parseDuration(text))
  } catch (error) {
    throw new Failure('parsing expire-in', error)
  }
}

/** Times are written in the zone of this machine, in which the peer answers them. */
function zoneOf(time: bigint | undefined): WithTimeOffsets {
  const offset = time === undefined ? 0 : -new Date(timestampToMs(time)).getTimezoneOffset()
  return offset === 0 ? {} : { timeOffsets: { expireAt: offset } }
}

function parseMetadata(pairs: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (pairs.length === 0) return undefined
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=')
    if (at === -1) throw new Failure('parsing metadata', 'metadata were not in the format key=value')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return new Map(entries.filter(([key]) => key !== ''))
}
