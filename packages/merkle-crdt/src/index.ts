export { DEFAULT_WALK_LIMIT, dagToDot, walkDag, type DagEntry, type WalkOptions } from './dag/walk-dag.ts'
export { DagBlocks, OfflineExchange } from './store/dag-blocks.ts'
export { decodeBroadcast, encodeBroadcast } from './wire/broadcast.ts'
export { MAX_PENDING_CHANGES, type CrdtChange } from './changes/change-feed.ts'
export { decodeDelta, encodeDelta, type Delta, type DeltaElement, type DeltaTombstone } from './wire/delta.ts'
export { CrdtError, NotFoundError, REJECTION_REASONS, type CrdtErrorCode, type RejectionReason } from './errors.ts'
export { type FetchLimits } from './sync/fetcher.ts'
export { previewImport, type ImportPreview } from './store/import.ts'
export type { HeadMerging } from './maintenance/head-merger.ts'
export type { FirstWriteOptions } from './changes/first-write.ts'
export { MerkleCrdt } from './merkle-crdt.ts'
export type { CrdtListOptions, CrdtPair } from './store/list-values.ts'
export type { CrdtStats } from './status/stats.ts'
export {
  MAX_LISTED,
  type CrdtCounters,
  type CrdtEvents,
  type CrdtFault,
  type CrdtHead,
  type CrdtQueue,
  type CrdtRejection,
  type CrdtStatus,
  type MissingBlock,
  type SyncProgress,
  type SyncState,
  type SyncVerdict
} from './status/crdt-status.ts'
export { createNode, decodeNode, MAX_BLOCK_BYTES, MAX_LINKS, type DeltaNode } from './wire/node.ts'
export type { MerkleCrdtInit, MerkleCrdtOptions } from './options.ts'
export type {
  Announcement,
  Broadcaster,
  Clock,
  CrdtStorage,
  DagBlock,
  DagExchange,
  DagSession,
  Logger,
  StorageOperation
} from './ports.ts'
export {
  MAX_DELTA_BYTES,
  MAX_GROUP_BYTES,
  MAX_GROUP_OPERATIONS,
  MAX_WAITING_OPERATIONS,
  type Batching,
  type CrdtOperation
} from './changes/publisher.ts'
export { CATCH_UP_PROTOCOL, type CatchUpChannel } from './sync/catch-up/channel.ts'
export { DEFAULT_CATCH_UP_LIMITS, type CatchUpLimits } from './sync/catch-up/limits.ts'
export { MAX_MESSAGE_BYTES as MAX_CATCH_UP_MESSAGE_BYTES } from './sync/catch-up/message.ts'
export type { BackfillStats, CatchUpOptions, CatchUpStats, IntakeStats } from './sync/catch-up/options.ts'
export { MAX_SERVED_PER_PEER, type ServedCounters } from './sync/catch-up/server.ts'
export { type CatchUpPeer } from './sync/catch-up/server-link.ts'
