import { isClusterError } from '@cluster/api'

/** What ends a command: one line on standard error, and the exit code. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number

  /** @param doing - what was tried, as in `error <doing>: <cause>` */
  constructor(doing: string, cause: unknown, exitCode = 1) {
    super(`error ${doing}: ${oneLine(cause)}`, { cause })
    this.exitCode = exitCode
  }
}

/** Runs a step of a command; what goes wrong in it becomes a {@link Failure} that says what was tried. */
export async function attempt<T>(doing: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(doing, error)
  }
}

function oneLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  const unexpected = cause instanceof Error && !isClusterError(cause) && cause.name !== 'Error' ? `${cause.name}: ` : ''
  return unexpected + text.replaceAll(/\s*\n\s*/g, ' ')
}
