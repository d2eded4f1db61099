import type { Logger } from '@cluster/api'

/** Work that goes on beside the calls, and ends with the core. */
export interface Background {
  /** Aborted when the core stops. */
  readonly signal: AbortSignal
  /** Starts a task; its failure is logged. */
  run(name: string, task: (signal: AbortSignal) => Promise<unknown>): void
  /** Breaks all tasks off and resolves when the last has ended. */
  stop(): Promise<void>
}

/** @param log - where failures of tasks go */
export function createBackground(log: Logger): Background {
  const own = new AbortController()
  const { signal } = own
  const tasks = new Set<Promise<void>>()
  return {
    signal,
    run(name, task) {
      if (signal.aborted) return
      const running: Promise<void> = task(signal)
        .then(
          () => undefined,
          (error: unknown) => {
            if (!signal.aborted) log.error(`${name} failed`, { error })
          }
        )
        .finally(() => {
          tasks.delete(running)
        })
      tasks.add(running)
    },
    async stop() {
      own.abort()
      await Promise.all(tasks)
    }
  }
}
