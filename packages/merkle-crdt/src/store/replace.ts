import type { AbortOptions } from '@libp2p/interface'
import { readMany } from './draft.ts'
import type { Layout } from './layout.ts'
import type { CrdtStorage, StorageOperation } from '../ports.ts'

/** Entries moved in one write. */
const CHUNK = 1000

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
  const tidy = inChunks(storage)
  for await (const page of storage.scan(layout.staged(), options)) {
    for (const { key } of page) await tidy.add({ delete: key })
  }
  await tidy.flush()
}

function inChunks(storage: CrdtStorage): { add(operation: StorageOperation): Promise<void>; flush(): Promise<void> } {
  let operations: StorageOperation[] = []
  const flush = async (): Promise<void> => {
    const taken = operations
    operations = []
    await storage.commit(taken, { durable: true })
  }
  return {
    add: async (operation) => {
      operations.push(operation)
      if (operations.length >= CHUNK) await flush()
    },
    flush
  }
}
