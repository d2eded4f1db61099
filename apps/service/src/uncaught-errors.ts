import type { Logger } from '@cluster/api'

/**
 * libp2p throws this one where nobody can catch it, when a stream is written to in the instant in which the other side
 * closes it. The stream is gone anyway; nothing else is wrong.
 */
const HARMLESS = 'StreamStateError'

/** Logs errors that nobody caught. All but the known harmless one end the process, once `stop` is done. */
export function onUncaughtErrors(log: Logger, stop: () => Promise<void>): { off(): void } {
  const handle = (error: unknown): void => {
    const name = error instanceof Error ? error.name : ''
    if (name === HARMLESS) {
      log.debug('a stream was written to while it closed')
      return
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    log.error(`uncaught: ${text.replaceAll('\n', ' ')}`)
    process.exitCode = 1
    void stop().finally(() => process.exit(1))
  }
  process.on('uncaughtException', handle)
  process.on('unhandledRejection', handle)
  return {
    off() {
      process.off('uncaughtException', handle)
      process.off('unhandledRejection', handle)
    }
  }
}
