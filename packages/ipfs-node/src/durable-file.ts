import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Flushes a file to the disk. A file that is gone meanwhile needs no flush. */
export async function syncFile(path: string): Promise<void> {
  await syncPath(path, 'r+')
}

/** Flushes the names in a folder to the disk; without it a power loss can lose a whole file whose bytes were flushed. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // folders cannot be opened there; NTFS journals names itself
  await syncPath(path, 'r')
}

async function syncPath(path: string, flags: string): Promise<void> {
  let handle
  try {
    handle = await open(path, flags)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replaces a file in one step, flushed: after any crash it has the old or the new content. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.new`
  const handle = await open(next, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(next, path)
  await syncFolder(dirname(path))
}

/** Whether an error of `node:fs` says that the path does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
