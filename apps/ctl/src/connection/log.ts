/** Lines for those who look for what went wrong; on standard error. */
export interface Log {
  debug(logger: string, message: string): void
  warn(logger: string, message: string): void
  error(logger: string, message: string): void
}

/**
 * A log of errors, or of everything.
 *
 * @param write - takes one line
 * @see cli-config.md §1.1
 */
export function logTo(write: (line: string) => void, withDebug: boolean): Log {
  const log =
    (level: string, isShown: boolean) =>
    (logger: string, message: string): void => {
      if (isShown) write(`${new Date().toISOString()}\t${level}\t${logger}\t${message}\n`)
    }
  return { debug: log('DEBUG', withDebug), warn: log('WARN', withDebug), error: log('ERROR', true) }
}
