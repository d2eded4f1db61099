import type { FileEntry } from '@cluster/api'
import { createReadStream } from 'node:fs'
import { lstat, opendir, readlink } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

/** How a folder is read. */
export interface FileEntriesOptions {
  /** Needed for folders. */
  readonly recursive?: boolean
  /** Whether names that begin with a dot are taken. */
  readonly hidden?: boolean
}

/** A path cannot be read as files. */
export class FileEntriesError extends Error {
  override readonly name = 'FileEntriesError'
  readonly code: 'IS_DIRECTORY' | 'UNKNOWN_TYPE'

  constructor(code: FileEntriesError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Bytes that are read at once: fewer make uploads slower, more only cost memory. */
const READ_BYTES = 1024 * 1024

/**
 * Files and folders of this machine as entries of an add: a folder before what is in it, by name. Symbolic links stay
 * links. Each file is opened when its turn comes, so that folders of any size take the memory of one.
 *
 * @throws {FileEntriesError} for a folder without `recursive`, or something that is neither file, folder nor link; the
 * error of the system for what cannot be read
 */
export async function* fileEntries(
  paths: Iterable<string>,
  { recursive = false, hidden = false }: FileEntriesOptions = {}
): AsyncGenerator<FileEntry, void, undefined> {
  for (const path of paths) {
    const absolute = resolve(path)
    yield* walk(absolute, basename(absolute), path, recursive, hidden)
  }
}

/** Bytes of all files that {@link fileEntries} would give. */
export async function totalFileBytes(paths: Iterable<string>, options: FileEntriesOptions = {}): Promise<number> {
  let total = 0
  for await (const entry of fileEntries(paths, options)) {
    if (entry.type === 'file' && entry.source !== undefined) total += (await lstat(entry.source)).size
  }
  return total
}

async function* walk(
  absolute: string,
  path: string,
  given: string,
  recursive: boolean,
  hidden: boolean
): AsyncGenerator<FileEntry, void, undefined> {
  const stats = await lstat(absolute)
  if (stats.isFile()) {
    yield { type: 'file', path, content: contentOf(absolute), source: absolute }
  } else if (stats.isSymbolicLink()) {
    yield { type: 'symlink', path, target: await readlink(absolute) }
  } else if (stats.isDirectory()) {
    if (!recursive) {
      throw new FileEntriesError('IS_DIRECTORY', `${given} is a directory, but Recursive option is not set`)
    }
    yield { type: 'directory', path }
    for (const name of await namesIn(absolute, hidden)) {
      yield* walk(join(absolute, name), `${path}/${name}`, join(given, name), recursive, hidden)
    }
  } else {
    throw new FileEntriesError('UNKNOWN_TYPE', `unrecognized file type for ${given}`)
  }
}

/** Opened only when it is read. */
async function* contentOf(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>
}

async function namesIn(folder: string, hidden: boolean): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of await opendir(folder)) if (hidden || !name.startsWith('.')) names.push(name)
  return names.sort()
}
