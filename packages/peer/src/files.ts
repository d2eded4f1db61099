import { ClusterError, toClusterError } from '@cluster/api'
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Mode of files that hold secrets: for their owner only. */
export const SECRET_FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/** The files of a peer's folder. */
export function peerFiles(baseDir: string): { service: string; identity: string; peerstore: string } {
  return {
    service: join(baseDir, 'service.json'),
    identity: join(baseDir, 'identity.json'),
    peerstore: join(baseDir, 'peerstore')
  }
}

/** The text of a file; `undefined` when it is not there. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ClusterError('STORAGE', error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Writes a file whole or not at all, and makes its folder when missing. */
export async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const folder = dirname(path)
  const draft = join(folder, `.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
    const file = await open(draft, 'wx', mode)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw toClusterError(error, 'STORAGE')
  }
}
