/** What a client or server allows. */
export interface RpcLimits {
  /** Bytes of one argument, reply or header; default 32 MiB, far above a block (2 MiB). */
  readonly maxValueBytes: number
  /** Calls open at once on one connection, each way; default 4096: broadcasts and adders open hundreds. */
  readonly maxStreams: number
  /** Calls a server serves at once; default 8192. Beyond, it answers with an error. */
  readonly maxCalls: number
  /** Time to open a stream, connection included; default 10 s as in the reference. */
  readonly openTimeoutMs: number
  /** Time for a request to arrive, and for the other side to end its half afterwards; default 60 s. */
  readonly requestTimeoutMs: number
  /** Longest time that a reader may hold up one write; default 10 min. */
  readonly stallTimeoutMs: number
}

export const defaultLimits: RpcLimits = {
  maxValueBytes: 32 * 1024 * 1024,
  maxStreams: 4096,
  maxCalls: 8192,
  openTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  stallTimeoutMs: 600_000
}
