import type { Replica } from '../../replica.ts'
import type { CatchUpParts } from './options.ts'

/** What catching up needs of the replica, which is made later. */
export function catchUpParts(
  base: Pick<CatchUpParts, 'storage' | 'layout' | 'blocks' | 'exchange' | 'clock' | 'random' | 'log' | 'isCollecting'>,
  replica: () => Replica
): CatchUpParts {
  return {
    ...base,
    inTurn: async (task) => {
      // what fails here has written nothing, so the replica need not be told
      const result = await replica().inTurn((state) =>
        task(state).then(
          (value) => ({ isDone: true as const, value }),
          (error: unknown) => ({ isDone: false as const, error })
        )
      )
      if (result.isDone) return result.value
      throw result.error
    },
    rewrite: (rewrite) => replica().rewrite(rewrite),
    heads: () => replica().heads.list(),
    isSettled: () => replica().queuedJobs === 0
  }
}
