export { addTo, adderConformance } from './adder-conformance.ts'
export { MemoryAddTarget, type MemoryAddTargetInit } from './memory-add-target.ts'
export { MemoryDatastore, MemoryNotFoundError, type CommitHook } from './memory-datastore.ts'
export { pinAllocatorConformance } from './pin-allocator-conformance.ts'
export { testPeerId } from './test-peer-id.ts'
export { informerConformance, type InformerUnderTest } from './informer-conformance.ts'
export { ManualClock, settle } from './manual-clock.ts'
export { memoryLogger, type LogLine } from './memory-logger.ts'
export { seededRandom } from './seeded-random.ts'
export { testContext, type TestContext } from './test-context.ts'
export { MemoryGossip, type GossipFilter } from './memory-gossip.ts'
export { peerMonitorConformance, type PeerMonitorTestContext } from './peer-monitor-conformance.ts'
export { MemoryExchange, MemoryExchangeHub, type ReachFilter } from './memory-exchange.ts'
export { memoryAdder } from './memory-adder.ts'
export { MemoryConsensus, MemoryPinset, type MemoryConsensusOptions } from './memory-consensus.ts'
export { MemoryIpfs } from './memory-ipfs.ts'
export { MemoryMetrics, MemoryMonitor } from './memory-monitor.ts'
export { MemoryNetwork } from './memory-network.ts'
export { MemoryRpc, type Fate } from './memory-remote.ts'
export { MemoryTracker, type MemoryTrackerOptions } from './memory-tracker.ts'
export { FixedInformer } from './fixed-informer.ts'
export {
  MemoryCluster,
  type MemoryClusterOptions,
  type MemoryCollaborators,
  type MemoryCore,
  type MemoryPeer
} from './memory-cluster.ts'
export { weightAllocator } from './weight-allocator.ts'
export { pinTrackerConformance } from './pin-tracker-conformance.ts'
export { type CreateTracker, type PinTrackerTestContext, type PinTrackerTestLimits } from './pin-tracker-scene.ts'
export { SteeredIpfs, type SteeredCall } from './steered-ipfs.ts'
export { testCid } from './test-cid.ts'
export { LoneCluster, type CoreCall } from './lone-cluster.ts'
