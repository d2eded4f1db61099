/** How log lines look: for people, the same in colour, or one JSON object a line. */
export type LineFormat = 'nocolor' | 'color' | 'json'

/** One log line before it has a form. */
export interface LogRecord {
  readonly level: string
  readonly timeMs: number
  readonly facility: string
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

const ESC = '\u001b['
const colours: ReadonlyMap<string, string> = new Map([
  ['debug', '35m'],
  ['info', '34m'],
  ['warn', '33m']
])

/**
 * Prints a record as the reference does: fields separated by tabs, structured ones last, as JSON.
 *
 * @see cli-config.md §6.3
 */
export function formatLine(record: LogRecord, format: LineFormat): string {
  const time = new Date(record.timeMs).toISOString()
  const { level, facility, text, fields } = record
  if (format === 'json') return `${JSON.stringify({ level, ts: time, logger: facility, msg: text, ...fields })}\n`
  const name = level.toUpperCase()
  const shown = format === 'color' ? `${ESC}${colours.get(level) ?? '31m'}${name}${ESC}0m` : name
  const rest = Object.keys(fields).length === 0 ? '' : `\t${JSON.stringify(fields)}`
  return `${time}\t${shown}\t${facility}\t${text}${rest}\n`
}
