import type { Writable } from 'node:stream'
import type { LineOutput } from './logging.ts'

/** Lines that wait for a slow reader: beyond that they are dropped and counted, since a program must not grow by its logs. */
export const MAX_WAITING_BYTES = 4 * 1024 * 1024

/**
 * Writes lines to a stream for as long as somebody reads it. A reader that went away, as the terminal or the pipe of a
 * daemon, ends the log and not the program: without this, the failed write is an error that nobody caught, which is
 * logged, which fails.
 */
export function streamOutput(stream: Writable): LineOutput {
  let isBroken = false
  let dropped = 0
  stream.on('error', () => {
    isBroken = true
  })
  return {
    write(line) {
      if (isBroken) return
      if (stream.writableLength > MAX_WAITING_BYTES) {
        dropped += 1
        return
      }
      if (dropped > 0) {
        stream.write(`(${dropped} lines were dropped: nobody read them in time)\n`)
        dropped = 0
      }
      stream.write(line)
    }
  }
}
