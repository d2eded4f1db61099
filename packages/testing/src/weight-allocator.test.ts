import { pinAllocatorConformance } from './pin-allocator-conformance.ts'
import { weightAllocator } from './weight-allocator.ts'

pinAllocatorConformance('weightAllocator', () => weightAllocator('freespace'))
