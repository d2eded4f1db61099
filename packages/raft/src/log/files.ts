import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** A file that is open. */
export interface OpenFile {
  /** Reads `length` bytes, fewer only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>
  /** Writes all of it. */
  write(position: number, bytes: Uint8Array): Promise<void>
  /** What was written is on the disk when it resolves. */
  sync(): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** A folder of files. A simulation brings its own. Names have no slash. */
export interface Folder {
  list(): Promise<readonly string[]>
  /** Opens a file for reading and writing, making it if it is not there. */
  open(name: string): Promise<OpenFile>
  /** Nothing happens if it is not there. */
  remove(name: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** New, removed and renamed files are so on the disk when it resolves. */
  sync(): Promise<void>
}

/** A folder of the real file system, made if it is not there. */
export async function openFolder(path: string): Promise<Folder> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  return {
    list: () => readdir(path),
    open: async (name) => new NodeFile(await openOrMake(join(path, name))),
    remove: (name) => rm(join(path, name), { force: true }),
    rename: (from, to) => rename(join(path, from), join(path, to)),
    sync: async () => {
      const handle = await open(path, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  }
}

const FILE_MODE = 0o600

async function openOrMake(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+', FILE_MODE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return open(path, 'w+', FILE_MODE)
  }
}

class NodeFile implements OpenFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    let done = 0
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return bytes.subarray(0, done)
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done)
      done += bytesWritten
    }
  }

  sync(): Promise<void> {
    return this.#handle.datasync()
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}
