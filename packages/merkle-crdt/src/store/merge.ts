import type { CID } from 'multiformats/cid'
import { messageOf } from '../errors.ts'
import { cidOfBlockId, type BlockId } from '../wire/block-id.ts'
import type { Delta } from '../wire/delta.ts'
import { badEntry, type Draft } from './draft.ts'
import { decodeElementEntry, encodeElementEntry, type Candidate } from './element-entry.ts'
import { cleanKey } from './layout.ts'
import { decodeNode, type DeltaNode } from '../wire/node.ts'
import { compareBytes } from '../wire/uvarint.ts'

/**
 * Merges the delta of a block: first all tombstones, then all elements. The result does not depend on the order in
 * which blocks are merged (but for a key twice in one delta, and for empty values).
 *
 * @see spec/wire-crdt.md §2.7
 */
export async function mergeDelta(draft: Draft, node: DeltaNode): Promise<void> {
  await mergeTombstones(draft, node.delta)
  await mergeElements(draft, node)
}

async function mergeTombstones(draft: Draft, delta: Delta): Promise<void> {
  const additions = delta.tombstones.map(({ key, id }) => ({ key: cleanKey(key), id: cleanKey(id) }))
  await draft.putTombstones(additions)
  const keys = new Set(additions.map(({ key }) => key))
  for (const key of keys) await recompute(draft, key)
}

/** Finds the value of a key among what remains of it. @see spec/wire-crdt.md §2.14 */
export async function recompute(draft: Draft, key: string): Promise<void> {
  draft.setValue(key, await bestValue(draft, key))
}

/** The greatest by priority, then by bytes, of what remains of a key. An empty value counts as none. */
async function bestValue(draft: Draft, key: string): Promise<Candidate | undefined> {
  let best: Candidate | undefined
  for (const [id, entry] of await draft.liveElements(key)) {
    const candidate = decodeElementEntry(entry) ?? (await candidateOfBlock(draft, key, id))
    if (best === undefined || isGreater(candidate, best)) best = candidate
  }
  return best === undefined || best.value.length === 0 ? undefined : best
}

function isGreater(a: Candidate, b: Candidate): boolean {
  return a.priority === b.priority ? compareBytes(a.value, b.value) > 0 : a.priority > b.priority
}

/** For elements that a Go peer stored: without an entry. */
async function candidateOfBlock(draft: Draft, key: string, id: BlockId): Promise<Candidate> {
  const cid = cidOfBlockId(id)
  const bytes = await draft.block(id)
  if (cid === undefined || bytes === undefined) throw badEntry('error getting delta', draft.layout.block(id))
  const { delta } = decodeStored(draft, cid, id, bytes)
  return { priority: delta.priority, value: greatestValue(delta, key) }
}

function decodeStored(draft: Draft, cid: CID, id: BlockId, bytes: Uint8Array): DeltaNode {
  try {
    return decodeNode(cid, bytes)
  } catch (error) {
    throw badEntry(messageOf(error), draft.layout.block(id))
  }
}

/** The greatest value of a key in one delta; empty if it has none. */
export function greatestValue(delta: Delta, key: string): Uint8Array {
  let greatest = new Uint8Array()
  for (const element of delta.elements) {
    if (cleanKey(element.key) === key && compareBytes(element.value, greatest) > 0) {
      greatest = element.value as Uint8Array<ArrayBuffer>
    }
  }
  return greatest
}

async function mergeElements(draft: Draft, node: DeltaNode): Promise<void> {
  const { priority } = node.delta
  /** For each key: the greatest value of this delta, for the entry, and the value that wins over the stored one. */
  const greatest = new Map<string, Uint8Array>()
  const elements = node.delta.elements.map(({ key, value }) => ({ key: cleanKey(key), value }))
  for (const { key, value } of elements) {
    const known = greatest.get(key)
    if (known === undefined || compareBytes(value, known) > 0) greatest.set(key, value)
  }
  // all comparisons are with what was stored before this delta: of a key twice in it, the last one wins
  const before = await draft.load(greatest.keys(), node.id, priority)
  for (const [key, value] of greatest) {
    const isForgotten = before.isTombstoned(key) && draft.collect(key, node.id)
    if (!isForgotten) draft.putElement(key, node.id, encodeElementEntry({ priority, value }))
  }
  for (const { key, value } of elements) {
    if (before.isTombstoned(key)) continue
    const current = before.value(key)
    if (priority < current.priority) continue
    if (priority === current.priority && compareBytes(current.value, value) >= 0) continue
    draft.setValue(key, { priority, value })
  }
}
