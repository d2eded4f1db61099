import type { AbortOptions } from '@libp2p/interface'
import { readMany } from './draft.ts'
import type { Layout } from './layout.ts'
import type { CrdtStorage, StorageOperation } from '../ports.ts'

/** Entries and bytes moved in one write: blocks may have 1 MiB each, and each write costs an fsync. */
const CHUNK_ENTRIES = 10_000
const CHUNK_BYTES = 4 * 1024 * 1024

/**
 * Puts staged content in the place of the old, if that was begun. It can be broken off anywhere and done again: what is
 * staged stays until the mark is gone.
 */
export async function finishReplacement(storage: CrdtStorage, layout: Layout, options: AbortOptions): Promise<void> {
  const [mark] = await readMany(storage, [layout.replacing()], options)
  if (mark === undefined) return
  const remove = inChunks(storage)
  for await (const page of storage.scan(layout.all(), options)) {
    for (const { key } of page) if (!layout.isStaging(key)) await remove.add({ delete: key })
  }
  await remove.flush()
  const copy = inChunks(storage)
  for await (const page of storage.scan(layout.staged(), options)) {
    for (const { key, value } of page) await copy.add({ put: { key: layout.unstaged(key), value } })
  }
  await copy.flush()
  await storage.commit([{ delete: layout.replacing() }], { durable: true })
  // what a crash leaves of it is removed before the next import
  const tidy = inChunks(storage, false)
  for await (const page of storage.scan(layout.staged(), options)) {
    for (const { key } of page) await tidy.add({ delete: key })
  }
  await tidy.flush()
}

/** Writes that are gathered; with `durable` each is on disk before the next. */
function inChunks(
  storage: CrdtStorage,
  durable = true
): { add(operation: StorageOperation): Promise<void>; flush(): Promise<void> } {
  let operations: StorageOperation[] = []
  let bytes = 0
  const flush = async (): Promise<void> => {
    const taken = operations
    operations = []
    bytes = 0
    await storage.commit(taken, { durable })
  }
  return {
    add: async (operation) => {
      operations.push(operation)
      if ('put' in operation) bytes += operation.put.value.length
      if (operations.length >= CHUNK_ENTRIES || bytes >= CHUNK_BYTES) await flush()
    },
    flush
  }
}
