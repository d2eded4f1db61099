import type { ModelBlock } from './model-block.ts'

/** What a set of blocks amounts to. */
export interface ModelContent {
  /** The visible values, with the priority of their blocks. */
  readonly values: ReadonlyMap<string, { readonly priority: number; readonly value: string }>
  /** Key and block ID of each addition that no block takes back, and of each that one does. */
  readonly live: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
  /** Blocks to which none of the others links. */
  readonly heads: ReadonlySet<string>
}

/**
 * The definition of the store, written down as directly as possible: an addition counts unless some block takes it back,
 * and of those that count the greatest by priority, then by bytes, is the value.
 *
 * @see spec/wire-crdt.md §2.7
 */
export function contentOf(blocks: Iterable<ModelBlock>): ModelContent {
  const all = [...blocks]
  const removed = new Set<string>()
  const heads = new Set<string>()
  for (const { id, tombstones } of all) {
    heads.add(id)
    for (const place of tombstones) removed.add(place)
  }
  const values = new Map<string, { priority: number; value: string }>()
  const live = new Set<string>()
  for (const { links, priority, elements } of all) {
    for (const link of links) heads.delete(link)
    for (const { key, value, place } of elements) {
      if (removed.has(place)) continue
      live.add(place)
      const best = values.get(key)
      if (best === undefined || priority > best.priority || (priority === best.priority && value > best.value)) {
        values.set(key, { priority, value })
      }
    }
  }
  return { values, live, removed, heads }
}

/** All blocks that the given ones are or link to, at any depth. */
export function reach(from: Iterable<string>, blocks: ReadonlyMap<string, ModelBlock>): Set<string> {
  const reached = new Set<string>()
  const left = [...from]
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (reached.has(id)) continue
    reached.add(id)
    for (const link of blocks.get(id)?.links ?? []) left.push(link)
  }
  return reached
}
