import type { AbortOptions } from '@libp2p/interface'
import type { Layout } from './layout.ts'
import type { CrdtStorage } from '../ports.ts'

/** A key and its value. */
export interface CrdtPair {
  readonly key: string
  readonly value: Uint8Array
}

/** Which part of a listing is wanted. */
export interface CrdtListOptions extends AbortOptions {
  /** Only keys behind this one. */
  readonly after?: string | undefined
  /** Only keys from this one on, and below the other. */
  readonly gte?: string | undefined
  readonly lt?: string | undefined
  readonly limit?: number | undefined
}

const MAX_PAGE_ITEMS = 1024

/** All keys and values in the order of the keys' bytes, in pages of 1 to 1024, from one snapshot. */
export async function* listValues(
  storage: CrdtStorage,
  layout: Layout,
  options: CrdtListOptions
): AsyncGenerator<readonly CrdtPair[]> {
  const { after, gte = after, lt, limit = Number.POSITIVE_INFINITY, ...rest } = options
  const range = layout.values(gte, lt)
  let left = limit
  let page: CrdtPair[] = []
  if (left <= 0) return
  for await (const stored of storage.scan(range, rest)) {
    for (const { key: storedKey, value } of stored) {
      const key = layout.userKeyOfValue(storedKey)
      if (key === undefined || key === after) continue
      page.push({ key, value })
      left -= 1
      if (left <= 0) break
    }
    if (page.length >= MAX_PAGE_ITEMS / 2 || left <= 0) {
      if (page.length > 0) yield page
      page = []
    }
    if (left <= 0) return
  }
  if (page.length > 0) yield page
}
