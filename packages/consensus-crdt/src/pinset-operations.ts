import { ClusterError, isClusterError, type PinsetOperation } from '@cluster/api'
import type { CrdtOperation } from '@cluster/merkle-crdt'
import { pinKey, pinToPair } from '@cluster/state'
import { crdtError } from './crdt-error.ts'

/** Operations of the pinset as those of the store, each with its place; `refused` are those that are none. */
export interface StoreOperations {
  readonly operations: readonly CrdtOperation[]
  readonly places: readonly number[]
  readonly refused: ReadonlyMap<number, ClusterError>
}

/** @see wire-crdt.md §1.6 */
export function storeOperations(ops: readonly PinsetOperation[]): StoreOperations {
  const operations: CrdtOperation[] = []
  const places: number[] = []
  const refused = new Map<number, ClusterError>()
  ops.forEach((op, place) => {
    try {
      operations.push(storeOperation(op))
      places.push(place)
    } catch (error) {
      refused.set(place, isClusterError(error) ? error : new ClusterError('BAD_PIN', crdtError(error).message))
    }
  })
  return { operations, places, refused }
}

function storeOperation(op: PinsetOperation): CrdtOperation {
  if (op.type === 'unpin') return { type: 'delete', key: pinKey(op.cid).toString() }
  return { type: 'put', key: pinKey(op.pin.cid).toString(), value: pinToPair(op.pin).value }
}
