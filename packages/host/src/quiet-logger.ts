import type { ComponentLogger, Logger } from '@libp2p/interface'

/**
 * Takes the errors of libp2p's own parts as plain lines: failed dials, resets and refused handshakes are daily business
 * of a cluster, and a host tells itself, once, what matters of them. Gossip keeps its errors.
 */
export function quietLogger(inner: ComponentLogger): ComponentLogger {
  return {
    forComponent: (name) => {
      const log = inner.forComponent(name)
      return name.startsWith('libp2p') && !name.includes('gossipsub') ? withoutErrors(log) : log
    }
  }
}

function withoutErrors(log: Logger): Logger {
  const plain = (formatter: unknown, ...args: unknown[]): void => {
    log(formatter, ...args)
  }
  const made = Object.assign(plain, {
    error: plain,
    trace: (formatter: unknown, ...args: unknown[]) => {
      log.trace(formatter, ...args)
    },
    newScope: (name: string) => withoutErrors(log.newScope(name))
  })
  // Levels may change while the program runs, and asking for one opens a log: not before somebody wants to know.
  return Object.defineProperty(made, 'enabled', { get: () => log.enabled }) as Logger
}
