import type { Move } from '@cluster/api'
import { moveToJSON } from '@cluster/wire'
import { Failure } from '../failure.ts'
import { formatMove } from '../format-upkeep.ts'
import type { Output } from '../output.ts'

/** Prints moves as they come. What was not moved makes the command fail at its end. */
export async function showMoves(output: Output, moves: AsyncIterable<Move>): Promise<void> {
  let count = 0
  let left = 0
  const counted = async function* (): AsyncGenerator<Move, void> {
    for await (const move of moves) {
      count += 1
      if (move.error !== '') left += 1
      yield move
    }
  }
  await output.printEach(counted(), formatMove, moveToJSON)
  if (left > 0) throw new Failure('moving pins', `${left.toString()} of ${count.toString()} stay where they are`)
}
