import type { PinDepth, Timestamp } from '@cluster/api'
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
  /** When a failed operation is tried again, in milliseconds since the Unix epoch. */
  readonly retryAtMs?: number | undefined
  readonly priority: boolean
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
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A record as bytes: JSON with short keys. */
export function encodeRecord(record: IndexRecord): Uint8Array {
  const { state, at, depth, attempts, error, retryAtMs, priority } = record
  const json = {
    s: state,
    t: at.toString(),
    ...(depth === undefined ? {} : { d: depth }),
    ...(attempts === 0 ? {} : { a: attempts }),
    ...(error === '' ? {} : { e: error }),
    ...(retryAtMs === undefined ? {} : { r: retryAtMs }),
    ...(priority ? { p: true } : {})
  }
  return encoder.encode(JSON.stringify(json))
}

/** Reads a record; `undefined` when the bytes are none, which the next comparison with the pinset repairs. */
export function decodeRecord(bytes: Uint8Array): IndexRecord | undefined {
  try {
    const json = JSON.parse(decoder.decode(bytes)) as Readonly<Record<string, unknown>>
    const { s, t, d, a, e, r, p } = json
    if (!isState(s) || typeof t !== 'string') return undefined
    return {
      state: s,
      at: BigInt(t),
      ...(typeof d === 'number' ? { depth: d } : {}),
      attempts: typeof a === 'number' ? a : 0,
      error: typeof e === 'string' ? e : '',
      ...(typeof r === 'number' ? { retryAtMs: r } : {}),
      priority: p === true
    }
  } catch {
    return undefined
  }
}

function isState(value: unknown): value is RecordState {
  return STATES.has(value)
}
