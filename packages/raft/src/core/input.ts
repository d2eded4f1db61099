import type { ConfigurationChange, ServerId } from '../configuration.ts'
import type { LogEntry } from '../entry.ts'
import type { Reply, Request } from '../messages.ts'
import type { RaftErrorCode } from '../errors.ts'
import type { Snapshot } from './snapshot.ts'

/** Everything that can happen to the core. Numbers called `id` are chosen by who sends the input, and come back. */
export type Input =
  /** Time passed. */
  | { readonly type: 'tick' }
  /** Another peer asks; answered with an {@link import('./output.ts').Answer} of that id, now or when it is durable. */
  | { readonly type: 'request'; readonly id: number; readonly request: Request }
  /** The answer to a call. */
  | { readonly type: 'reply'; readonly call: number; readonly reply: Reply }
  /** A call did not get through, or got no answer. */
  | { readonly type: 'failed'; readonly call: number }
  /** This write and all before it are on the disk. */
  | { readonly type: 'stored'; readonly write: number }
  /** A write failed. Nothing is right after that: the core says and takes nothing any more. */
  | { readonly type: 'broken'; readonly reason: Error }
  /** The disk has no room for entries, or has again. */
  | { readonly type: 'room'; readonly hasRoom: boolean }
  /** The entries that were asked for; undefined if they are not in the log any more. */
  | { readonly type: 'loaded'; readonly load: number; readonly entries: readonly LogEntry[] | undefined }
  /** Commands for the log, as the leader. */
  | { readonly type: 'propose'; readonly id: number; readonly commands: readonly Uint8Array[]; readonly atMs: number }
  /** A change of the servers, as the leader. */
  | { readonly type: 'change'; readonly id: number; readonly change: ConfigurationChange; readonly atMs: number }
  /** Hand leadership over. */
  | { readonly type: 'transfer'; readonly id: number; readonly to: ServerId | undefined }
  /** Which index must be applied for a read that sees everything acknowledged before? */
  | { readonly type: 'read'; readonly id: number }
  /** A snapshot of the own state machine is on the disk: the log before it may go. */
  | { readonly type: 'snapshot-taken'; readonly snapshot: Snapshot; readonly trailing: number }
  /** What `receive` asked for is done: the data is on the disk as this snapshot, or (undefined) it is not. */
  | { readonly type: 'snapshot-received'; readonly id: number; readonly snapshot: Snapshot | undefined }

/** Why something asked of the core was not done. */
export interface Refusal {
  readonly code: RaftErrorCode
  readonly message: string
}
