import type { MemoryOperation } from './memory-operations.ts'
import { MemoryTracker } from './memory-tracker.ts'
import { pinTrackerConformance } from './pin-tracker-conformance.ts'

/** What trackers on one datastore remember: the datastore of a memory tracker. */
const memories = new WeakMap<object, Map<string, MemoryOperation>>()

pinTrackerConformance('memory-tracker', (context, limits) => {
  const memory = memories.get(context.datastore) ?? new Map<string, MemoryOperation>()
  memories.set(context.datastore, memory)
  return new MemoryTracker({ ...context, limits, retryMs: 60_000, memory })
})
