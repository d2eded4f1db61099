import type { Logger } from '@cluster/api'
import type { ComponentLogger } from '@libp2p/interface'
import { pino, stdTimeFunctions } from 'pino'
import { libp2pComponentLogger } from './libp2p-logger.ts'
import { formatLine, type LineFormat } from './line-format.ts'
import type { LogLevel, LogLevels } from './log-levels.ts'

/** Where lines go; `process.stderr` is one. */
export interface LineOutput {
  write(line: string): unknown
}

/** What makes a {@link Logging}. */
export interface LoggingOptions {
  readonly levels: LogLevels
  readonly format: LineFormat
  readonly output: LineOutput
  /** Level of facilities that are not the cluster's own, such as `libp2p:…`, unless named in `levels`. */
  readonly foreignLevel?: LogLevel
}

/** The logs of one program. */
export interface Logging {
  /** The logger of a facility, such as `cluster`. */
  logger(facility: string): Logger
  /** What libp2p writes its own lines to. */
  readonly libp2p: ComponentLogger
}

/**
 * Logs over pino, in the text or JSON form of the reference.
 *
 * @example
 * ```ts
 * const logging = createLogging({ levels: parseLogLevels('info,crdt:debug'), format: 'nocolor', output: process.stderr })
 * logging.logger('cluster').info('** IPFS Cluster is READY **')
 * ```
 * @see cli-config.md §2.2, §6.3
 */
export function createLogging({ levels, format, output, foreignLevel = 'error' }: LoggingOptions): Logging {
  const destination = { write: (json: string) => void output.write(formatLine(recordOf(json), format)) }
  // The root passes everything on; each facility has a level of its own.
  const root = pino(
    { base: null, level: 'debug', timestamp: stdTimeFunctions.epochTime, serializers: { error: errorText } },
    destination
  )
  const levelOf = (facility: string, otherwise: LogLevel): LogLevel => levels.byFacility.get(facility) ?? otherwise
  const logger = (facility: string): Logger => {
    const child = root.child({ facility }, { level: levelOf(facility, levels.overall) })
    return {
      debug: (text, fields) => {
        child.debug(fields ?? {}, text)
      },
      info: (text, fields) => {
        child.info(fields ?? {}, text)
      },
      warn: (text, fields) => {
        child.warn(fields ?? {}, text)
      },
      error: (text, fields) => {
        child.error(fields ?? {}, text)
      },
      child: logger
    }
  }
  const foreign = (facility: string): ReturnType<typeof root.child> =>
    root.child({ facility }, { level: levelOf(facility, foreignLevel) })
  return { logger, libp2p: libp2pComponentLogger(foreign) }
}

/** What an error says, which its enumerable properties do not. */
function errorText(error: unknown): unknown {
  return error instanceof Error ? error.message : error
}

function recordOf(json: string): Parameters<typeof formatLine>[0] {
  const { level, time, facility, msg, ...fields } = JSON.parse(json) as Record<string, unknown>
  return {
    level: pino.levels.labels[Number(level)] ?? 'info',
    timeMs: Number(time),
    facility: String(facility),
    text: typeof msg === 'string' ? msg : '',
    fields
  }
}
