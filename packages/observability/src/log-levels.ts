/** The levels of log lines, from the most to the least. `silent` says nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Which level each facility has. */
export interface LogLevels {
  readonly overall: LogLevel
  readonly byFacility: ReadonlyMap<string, LogLevel>
}

const levelNames: ReadonlyMap<string, LogLevel> = new Map([
  ['', 'info'],
  ['debug', 'debug'],
  ['info', 'info'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['error', 'error'],
  ['dpanic', 'fatal'],
  ['panic', 'fatal'],
  ['fatal', 'fatal']
])

/**
 * Reads a list of `LEVEL` and `facility:LEVEL`, joined by commas. Unknown level names are ignored, as the reference does.
 *
 * @throws {SyntaxError} for an item with more than one colon
 * @see cli-config.md §2.2
 */
export function parseLogLevels(text: string, otherwise: LogLevel = 'info'): LogLevels {
  let overall = otherwise
  const byFacility = new Map<string, LogLevel>()
  for (const item of text.split(',').filter((part) => part !== '')) {
    const parts = item.split(':')
    if (parts.length > 2) {
      throw new SyntaxError('log level not in expected format "identifier:loglevel" or "loglevel"')
    }
    const level = levelNames.get((parts.at(-1) ?? '').toLowerCase())
    if (level === undefined) continue
    const facility = parts.length === 2 ? parts[0] : 'all'
    if (facility === undefined || facility === 'all') overall = level
    else byFacility.set(facility, level)
  }
  return { overall, byFacility }
}
