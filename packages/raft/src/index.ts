export {
  changed,
  checkConfiguration,
  isVoter,
  quorumOf,
  votersOf,
  type Configuration,
  type ConfigurationChange,
  type Server,
  type ServerId,
  type Suffrage
} from './configuration.ts'
export { EntryType, type LogEntry, type WireEntry } from './entry.ts'
export { RaftError, type RaftErrorCode } from './errors.ts'
export type * from './messages.ts'
export type { Input, Refusal } from './core/input.ts'
export type { Answer, Call, Lane, Load, Outcome, Output, Receive, Role, StableState, Write } from './core/output.ts'
export type { Snapshot } from './core/snapshot.ts'
export type {
  Incoming,
  RaftClock,
  RaftLog,
  RaftLogger,
  RaftState,
  RaftTransport,
  SnapshotStore,
  StateMachine,
  TermRun
} from './ports.ts'
export {
  configurationOf,
  decodeConfiguration,
  encodeConfiguration,
  encodeVoterAddresses
} from './wire/configuration.ts'
export { openEntry, sealEntry } from './wire/entry.ts'
export { timeOfMs } from './wire/scalars.ts'
export { RaftCore } from './core/raft-core.ts'
export type { CoreOptions, Restored } from './core/state.ts'
export type { PlacedConfiguration } from './core/server-set.ts'
export { openFolder, type Folder, type OpenFile } from './log/files.ts'
export { LevelLog, type LevelChange, type LevelStore } from './log/level-log.ts'
export { SegmentLog, type SegmentLogOptions } from './log/segment-log.ts'
export type { Applied } from './node/applier.ts'
export { monotonicClock, type RaftNodeOptions, type SnapshotPolicy } from './node/options.ts'
export { RaftNode } from './node/raft-node.ts'
export { bootstrap, hasState, type RaftStorage } from './node/restore.ts'
export { defaultTiming, type RaftTiming } from './options.ts'
export { Crc64 } from './snapshot/crc64.ts'
export { decodeMeta, encodeMeta, type SnapshotMeta } from './snapshot/meta.ts'
export { SnapshotFolder, type SnapshotFolderOptions } from './snapshot/snapshot-folder.ts'
export { LocalNetwork } from './transport/local-network.ts'
export {
  Libp2pTransport,
  RAFT_PROTOCOL,
  type Libp2pTransportOptions,
  type RaftHost
} from './transport/libp2p-transport.ts'
