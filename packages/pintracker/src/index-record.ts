import type { PinDepth, PinFailure, Timestamp } from '@cluster/api'
import type { OperationType } from './operation.ts'

/**
 * What the index says of a CID.
 *
 * - `pinned`: IPFS has it, as far as we know.
 * - `lost`: it was found missing at IPFS although it should be pinned.
 * - `pin`, `unpin`, `remote`: this operation is still to be done; failed before if there is an `error`.
 */
export type RecordState = 'pinned' | 'lost' | 'pin' | 'unpin' | 'remote'

/** An entry of the index. */
export interface IndexRecord {
  readonly state: RecordState
  /** Since when. */
  readonly at: Timestamp
  /** Of `pinned`: how deep. */
  readonly depth?: PinDepth | undefined
  /** Of operations: runs so far. */
  readonly attempts: number
  /** Why the last run failed; empty if none did. */
  readonly error: string
  readonly reason?: PinFailure | undefined
  /** When a failed operation is tried again, in milliseconds since the Unix epoch. */
  readonly retryAtMs?: number | undefined
  readonly priority: boolean
  /** Of operations: nothing of it arrived for long when it ran last. */
  readonly isSlow?: boolean
  /** Of operations: IPFS did not have it pinned when it was last heard of. */
  readonly isAbsent?: boolean
}

/** A record of something still to be done. */
export type OperationRecord = IndexRecord & { readonly state: OperationType }

/** Whether a record is of something still to be done. */
export function isOperation(record: IndexRecord | undefined): record is OperationRecord {
  return record?.state === 'pin' || record?.state === 'unpin' || record?.state === 'remote'
}

/** Longest error text that is kept. */
export const MAX_ERROR_LENGTH = 2048

const STATES: ReadonlySet<unknown> = new Set<RecordState>(['pinned', 'lost', 'pin', 'unpin', 'remote'])
const REASONS: ReadonlySet<unknown> = new Set<PinFailure>([
  'no_providers',
  'no_progress',
  'disk_full',
  'refused',
  'ipfs_down',
  'queue_full',
  'failed'
])
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** First bytes of the short form, which nearly all records of a large pinset have. JSON begins with neither. */
const PINNED = 1
const LOST = 2
/** The short form: which state, how deep, since when. */
const SHORT_BYTES = 13

/** A record as bytes: of what is pinned or lost thirteen of them, of operations JSON with short keys. */
export function encodeRecord(record: IndexRecord): Uint8Array {
  const { state, at, depth = -1, attempts, error, reason, retryAtMs, priority, isSlow, isAbsent } = record
  if (state === 'pinned' || state === 'lost') {
    const bytes = new Uint8Array(SHORT_BYTES)
    const view = new DataView(bytes.buffer)
    view.setUint8(0, state === 'pinned' ? PINNED : LOST)
    view.setInt32(1, depth)
    view.setBigInt64(5, at)
    return bytes
  }
  const json = {
    s: state,
    t: at.toString(),
    ...(attempts === 0 ? {} : { a: attempts }),
    ...(error === '' ? {} : { e: error }),
    ...(reason === undefined ? {} : { w: reason }),
    ...(retryAtMs === undefined ? {} : { r: retryAtMs }),
    ...(priority ? { p: true } : {}),
    ...(isSlow === true ? { l: true } : {}),
    ...(isAbsent === true ? { n: true } : {})
  }
  return encoder.encode(JSON.stringify(json))
}

/** Reads a record; `undefined` when the bytes are none, which the next comparison with the pinset repairs. */
export function decodeRecord(bytes: Uint8Array): IndexRecord | undefined {
  if (bytes.byteLength === SHORT_BYTES && (bytes[0] === PINNED || bytes[0] === LOST)) return decodeShort(bytes)
  try {
    const json = JSON.parse(decoder.decode(bytes)) as Readonly<Record<string, unknown>>
    const { s, t, a, e, w, r, p, l, n } = json
    if (!isState(s) || s === 'pinned' || s === 'lost' || typeof t !== 'string') return undefined
    return {
      state: s,
      at: BigInt(t),
      attempts: typeof a === 'number' ? a : 0,
      error: typeof e === 'string' ? e : '',
      ...(isReason(w) ? { reason: w } : {}),
      ...(typeof r === 'number' ? { retryAtMs: r } : {}),
      priority: p === true,
      ...(l === true ? { isSlow: true } : {}),
      ...(n === true ? { isAbsent: true } : {})
    }
  } catch {
    return undefined
  }
}

function decodeShort(bytes: Uint8Array): IndexRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = view.getBigInt64(5)
  if (bytes[0] === LOST) return { state: 'lost', at, attempts: 0, error: '', priority: false }
  return { state: 'pinned', at, depth: view.getInt32(1), attempts: 0, error: '', priority: false }
}

function isState(value: unknown): value is RecordState {
  return STATES.has(value)
}

function isReason(value: unknown): value is PinFailure {
  return REASONS.has(value)
}
