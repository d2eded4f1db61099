import type { Fifo } from './fifo.ts'
import type { Job } from './jobs.ts'
import type { DeltaNode } from './node.ts'

/** Most blocks and bytes that one turn merges: one durable write for all of them. @see spec/wire-crdt.md §7.3 P2 */
export const MAX_TURN_BLOCKS = 64
const MAX_TURN_BYTES = 1024 * 1024

/** A block that was fetched and waits to be merged. */
export interface Ready {
  readonly job: Job
  readonly node: DeltaNode
}

/** Takes the blocks of the next turn: at least one. */
export function takeTurn(ready: Fifo<Ready>, maxBlocks: number): Ready[] {
  const turn: Ready[] = []
  let bytes = 0
  for (let next = ready.peek(); next !== undefined; next = ready.peek()) {
    bytes += next.node.bytes.length
    if (turn.length > 0 && (turn.length >= maxBlocks || bytes > MAX_TURN_BYTES)) break
    turn.push(next)
    ready.take()
  }
  return turn
}
