import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { type AccessEntry, formatAccess } from './access-log.ts'

/** An access log in a file. */
export interface AccessLogFile {
  write(entry: AccessEntry): void
  /** Returns once everything is written. */
  close(): Promise<void>
}

/**
 * Opens an access log, to which lines are appended.
 *
 * @param onError - told when the file cannot be written any more; entries are then dropped
 * @throws what the file system says when it cannot be opened
 * @see http-apis.md §1.14
 */
export async function openAccessLogFile(path: string, onError: (error: Error) => void): Promise<AccessLogFile> {
  const stream = createWriteStream(path, { fd: await open(path, 'a', 0o644) })
  stream.on('error', onError)
  return {
    write: (entry) => {
      if (!stream.errored) stream.write(`${formatAccess(entry)}\n`)
    },
    close: () =>
      new Promise((closed) => {
        stream.once('close', closed)
        stream.end()
      })
  }
}
