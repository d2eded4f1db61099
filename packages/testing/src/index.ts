export { MemoryDatastore, MemoryNotFoundError, type CommitHook } from './memory-datastore.ts'
export { pinAllocatorConformance } from './pin-allocator-conformance.ts'
export { testPeerId } from './test-peer-id.ts'
