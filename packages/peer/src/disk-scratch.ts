import { ClusterError } from '@cluster/api'
import type { Scratch, ScratchFile } from '@cluster/cluster'
import { randomUUID } from 'node:crypto'
import { mkdir, open, rm, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** The longest scratch file: the statuses of some ten million pins. */
const MAX_FILE_BYTES = 16 * 1024 ** 3

/**
 * Scratch files in a folder of the peer. Where the system allows it, a file has no name from the moment it is open, so
 * that nothing is left of it whatever happens to the process.
 *
 * @param maxBytes - the longest file
 */
export function diskScratch(folder: string, maxBytes: number = MAX_FILE_BYTES): Scratch {
  return {
    async create() {
      await storing(() => mkdir(folder, { recursive: true }))
      const path = join(folder, randomUUID())
      const handle = await storing(() => open(path, 'wx+', 0o600))
      const isGone = await unlink(path).then(
        () => true,
        () => false
      )
      return scratchFile(handle, maxBytes, async () => {
        if (!isGone) await rm(path, { force: true })
      })
    }
  }
}

function scratchFile(handle: FileHandle, maxBytes: number, forget: () => Promise<void>): ScratchFile {
  let length = 0
  return {
    async append(bytes) {
      if (length + bytes.length > maxBytes) {
        throw new ClusterError('LIMIT', `an answer takes more than ${maxBytes} bytes on the disk`)
      }
      const at = length
      length += bytes.length
      for (let written = 0; written < bytes.length;) {
        const step = await storing(() => handle.write(bytes, written, bytes.length - written, at + written))
        written += step.bytesWritten
      }
    },
    async read(offset, count) {
      const buffer = new Uint8Array(count)
      let read = 0
      while (read < count) {
        const { bytesRead } = await storing(() => handle.read(buffer, read, count - read, offset + read))
        if (bytesRead === 0) break
        read += bytesRead
      }
      return buffer.subarray(0, read)
    },
    async close() {
      await handle.close()
      await forget()
    }
  }
}

async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new ClusterError('STORAGE', `scratch file: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}
