import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/** A listing in pages of 1 to 1024 items, so that layers of generators stay cheap. Breaking off frees everything. */
export type Pages<T> = AsyncIterable<readonly T[]>

/** Most items of a page. */
export const MAX_PAGE_ITEMS = 1024

/** Which part of a listing is wanted, in pinset order: after that CID, at most that many. */
export interface ListOptions extends AbortOptions {
  readonly after?: CID | undefined
  readonly limit?: number | undefined
}

/** The items of a listing one by one. */
export async function* itemsOf<T>(pages: Pages<T>): AsyncGenerator<T, void, undefined> {
  for await (const page of pages) yield* page
}
