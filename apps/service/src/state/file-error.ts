const texts: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENOSPC: 'no space left on device',
  EROFS: 'read-only file system'
}

/** Why a file could not be opened, in the words of the reference. */
export function fileError(path: string, error: unknown): Error {
  const text = texts[(error as NodeJS.ErrnoException).code ?? '']
  return new Error(text === undefined ? String(error) : `open ${path}: ${text}`, { cause: error })
}
