import { parseDuration, pinModeFromString, timestampFromMs, type PinOptions } from '@cluster/api'
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

/** A CID from the command line. */
export function parseCid(text: string): CID {
  try {
    return CID.parse(text)
  } catch (error) {
    throw new Failure('parsing cid', error)
  }
}

/** The options that the flags ask for. */
export function pinOptionsOf(flags: PinFlags, nowMs: number): Partial<PinOptions> {
  const { replication = 0, name = '', mode = '' } = flags
  return {
    name,
    mode: pinModeFromString(mode),
    replicationFactorMin: replication === 0 ? (flags.replicationMin ?? 0) : replication,
    replicationFactorMax: replication === 0 ? (flags.replicationMax ?? 0) : replication,
    userAllocations: parseAllocations(flags.allocations ?? ''),
    expireAt: parseExpiry(flags.expireIn ?? '', nowMs),
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

function parseMetadata(pairs: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (pairs.length === 0) return undefined
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=')
    if (at === -1) throw new Failure('parsing metadata', 'metadata were not in the format key=value')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return new Map(entries.filter(([key]) => key !== ''))
}
