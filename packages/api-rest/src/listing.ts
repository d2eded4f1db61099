import { ClusterError, type Pages } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { parseCid } from './call.ts'

const METADATA_PREFIX = 'meta-'

/** What filters look at. */
interface Named {
  readonly name: string
  readonly metadata: ReadonlyMap<string, string> | undefined
}

/** Which part of a listing a client wants. */
export interface ListingPart {
  /** Only what comes after it in the order of the pinset. */
  readonly after: CID | undefined
  readonly limit: number
  readonly isWanted: (item: Named) => boolean
}

/**
 * Reads `name`, `meta-<key>`, `after` and `limit`: those items only that have exactly this name and these values, after
 * that CID, at most that many. Without them it is the whole listing.
 *
 * @throws {ClusterError} `BAD_REQUEST`
 * @see http-apis.md §9, wish 4
 */
export function listingPartOf(query: ReadonlyMap<string, string>): ListingPart {
  const name = query.get('name') ?? ''
  const metadata = [...query]
    .filter(([key, value]) => key.startsWith(METADATA_PREFIX) && key !== METADATA_PREFIX && value !== '')
    .map(([key, value]) => [key.slice(METADATA_PREFIX.length), value] as const)
  const after = query.get('after') ?? ''
  return {
    after: after === '' ? undefined : parseCid(after),
    limit: limitOf(query.get('limit') ?? ''),
    isWanted: (item) =>
      (name === '' || item.name === name) && metadata.every(([key, value]) => item.metadata?.get(key) === value)
  }
}

/** The wanted items; the listing is broken off once there are enough. */
export async function* partOf<T extends Named>(
  pages: Pages<T>,
  { limit, isWanted }: ListingPart
): AsyncGenerator<readonly T[], void, undefined> {
  let left = limit
  for await (const page of pages) {
    const wanted = page.filter(isWanted).slice(0, left)
    left -= wanted.length
    if (wanted.length > 0) yield wanted
    if (left === 0) return
  }
}

function limitOf(text: string): number {
  if (text === '') return Infinity
  const limit = /^\d+$/.test(text) ? Number(text) : 0
  if (limit > 0) return limit
  throw new ClusterError('BAD_REQUEST', 'limit: expected a whole number above 0')
}
