import { createWriteStream, type WriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ClusterError, type Logger } from '@cluster/api'
import { formatAccess, type AccessEntry } from '@cluster/http'

/** Where the lines of the access log go: a file, or the logger. */
export interface AccessLog {
  write(entry: AccessEntry): void
  close(): Promise<void>
}

/**
 * Opens the access log.
 *
 * @param file - relative to the folder of the configuration; empty for the logger
 * @throws {ClusterError} `CONFIG_INVALID` when the file cannot be written
 * @see http-apis.md §1.14
 */
export async function openAccessLog(file: string, baseDir: string, log: Logger): Promise<AccessLog> {
  if (file === '') {
    const lines = log.child('restapilog')
    return {
      write: (entry) => {
        lines.info(formatAccess(entry))
      },
      close: () => Promise.resolve()
    }
  }
  const stream = await openFile(resolve(baseDir, file))
  stream.on('error', (error) => {
    log.error('the access log cannot be written', { error })
  })
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

async function openFile(path: string): Promise<WriteStream> {
  try {
    const handle = await open(path, 'a', 0o644)
    return createWriteStream(path, { fd: handle })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ClusterError('CONFIG_INVALID', `restapi.http_log_file: ${reason}`, { cause: error })
  }
}
