import { MemoryDatastore, type CommitHook } from '@cluster/testing'
import type { StorageOperation } from '../../index.ts'

/**
 * Which writes a crash leaves. A durable write says nothing about earlier ones that were not: LevelDB may have begun a new
 * log in between.
 */
export type Kept = 'all' | 'up to the last durable one' | 'durable ones only' | { readonly without: number }

/** What was committed, in order. */
export class CrashDisk {
  readonly writes: { operations: readonly StorageOperation[]; durable: boolean }[] = []
  /** The write that fails, and all after it. */
  crashAt = Number.POSITIVE_INFINITY

  readonly hook: CommitHook = (operations, durable) => {
    if (this.writes.length >= this.crashAt) throw new Error('crashed')
    this.writes.push({ operations, durable })
  }

  /** The datastore after the crash. */
  async remount(kept: Kept): Promise<MemoryDatastore> {
    const storage = new MemoryDatastore()
    const last = this.writes.findLastIndex(({ durable }) => durable)
    for (const [number, { operations, durable }] of this.writes.entries()) {
      if (kept === 'up to the last durable one' && number > last) break
      if (kept === 'durable ones only' && !durable) continue
      if (typeof kept === 'object' && kept.without === number) continue
      await storage.commit(operations, { durable: true })
    }
    return storage
  }
}
