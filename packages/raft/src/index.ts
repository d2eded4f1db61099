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
