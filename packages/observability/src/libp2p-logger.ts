import { format } from 'node:util'
import type { ComponentLogger, Logger } from '@libp2p/interface'

/** The part of a pino logger that is needed here. */
interface LevelledLog {
  isLevelEnabled(level: string): boolean
  debug(text: string): void
  error(text: string): void
}

/**
 * libp2p's own log lines: its plain lines and traces at level debug, its errors at level error. libp2p asks for a
 * logger with every stream, so a logger costs nothing until its first line.
 */
export function libp2pComponentLogger(open: (facility: string) => LevelledLog): ComponentLogger {
  const opened = new Map<string, LevelledLog>()
  const forComponent = (name: string): Logger => {
    // Traces come several times for each frame of a stream: looked up once.
    let found: LevelledLog | undefined
    const log = (): LevelledLog => {
      if (found !== undefined) return found
      // By the component, not by the stream or connection behind it: those names never end.
      const facility = name.split(':').slice(0, 2).join(':')
      found = opened.get(facility)
      if (found === undefined) opened.set(facility, (found = open(facility)))
      return found
    }
    const write =
      (level: 'debug' | 'error') =>
      (formatter: unknown, ...args: unknown[]): void => {
        const target = log()
        if (target.isLevelEnabled(level)) target[level](print(formatter, args))
      }
    return Object.assign(write('debug'), {
      error: write('error'),
      trace: write('debug'),
      get enabled(): boolean {
        return log().isLevelEnabled('debug')
      },
      newScope: (scope: string) => forComponent(`${name}:${scope}`)
    })
  }
  return { forComponent }
}

/** libp2p's formatters are those of `debug`: %p peer, %a address, %c CID, %e error; all print as text. */
function print(formatter: unknown, args: readonly unknown[]): string {
  if (formatter instanceof Error) return formatter.stack ?? formatter.message
  if (typeof formatter !== 'string') return format(formatter, ...args)
  const texts = args.map((arg) => (arg instanceof Error ? (arg.stack ?? arg.message) : arg))
  return format(formatter.replace(/%[pacebtmk]/g, '%s'), ...texts)
}
