import type { Delta, DeltaElement, DeltaTombstone } from '../wire/delta.ts'
import type { Draft } from '../store/draft.ts'
import type { CrdtOperation } from './publisher.ts'

/**
 * The delta of some local changes: of each key the last operation counts, and a removal takes back every version that
 * is known. No key comes twice: what a replica makes of that depends on the order in which it merges.
 *
 * @returns `undefined` if nothing changes: removals of keys that are not there
 * @see spec/wire-crdt.md §2.6, §7.3 P1
 */
export async function deltaOf(
  draft: Draft,
  operations: readonly CrdtOperation[],
  priority: bigint
): Promise<Delta | undefined> {
  const changes = new Map<string, { isRemoved: boolean; value: Uint8Array | undefined }>()
  for (const operation of operations) {
    const change = changes.get(operation.key) ?? { isRemoved: false, value: undefined }
    changes.delete(operation.key) // it moves to the end: elements stand in the order of the last operations
    if (operation.type === 'put') changes.set(operation.key, { ...change, value: operation.value })
    else changes.set(operation.key, { isRemoved: true, value: undefined })
  }
  const elements: DeltaElement[] = []
  const tombstones: DeltaTombstone[] = []
  for (const [key, { isRemoved, value }] of changes) {
    if (isRemoved) for (const id of (await draft.liveElements(key)).keys()) tombstones.push({ key, id })
    if (value !== undefined) elements.push({ key, value })
  }
  return elements.length + tombstones.length === 0 ? undefined : { elements, tombstones, priority }
}
