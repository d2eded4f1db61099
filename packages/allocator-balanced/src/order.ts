import type { PeerId } from '@libp2p/interface'
import type { Partition } from './partition.ts'

/**
 * The peers of a level in the order of choice: round robin over its partitions, and within each over the partitions
 * below it, so that none gives a second peer before all its siblings that can gave one.
 *
 * @see behaviours.md §2.1.1
 */
export function* order(level: readonly Partition[]): Generator<PeerId, void, undefined> {
  let turns = level.map(peersOf)
  while (turns.length > 0) {
    const left: typeof turns = []
    for (const turn of turns) {
      const next = turn.next()
      if (next.done === true) continue
      left.push(turn)
      yield next.value
    }
    turns = left
  }
}

function* peersOf({ inTurn, below }: Partition): Generator<PeerId, void, undefined> {
  if (below !== undefined) yield* order(below)
  else for (const { peer } of inTurn) yield peer
}
