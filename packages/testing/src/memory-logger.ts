import type { Logger } from '@cluster/api'

/** One line that a component logged. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Names of the loggers from the first child down, joined by dots; empty for the root. */
  readonly facility: string
  readonly text: string
  readonly fields: object | undefined
}

/** A logger that keeps its lines for the test to read. */
export function memoryLogger(lines: LogLine[] = [], facility = ''): Logger & { readonly lines: readonly LogLine[] } {
  const at =
    (level: LogLine['level']) =>
    (text: string, fields?: object): void => {
      lines.push({ level, facility, text, fields })
    }
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (name) => memoryLogger(lines, facility === '' ? name : `${facility}.${name}`)
  }
}
