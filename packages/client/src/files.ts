import type { FileEntry } from '@cluster/api'
import { isUtf8 } from 'node:buffer'
import { createReadStream, type Stats } from 'node:fs'
import { lstat, opendir, readlink } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { getSystemErrorMessage } from 'node:util'
import { FileEntriesError } from './file-entries-error.ts'
import { fileModeText } from './file-mode.ts'
import { byName } from './name-order.ts'
import { isUrl, urlEntry, urlLength } from './url-entry.ts'

export { FileEntriesError, type FileEntriesErrorCode } from './file-entries-error.ts'

/** How a folder is read. */
export interface FileEntriesOptions {
  /** Needed for folders. */
  readonly recursive?: boolean
  /** Whether names that begin with a dot are taken. */
  readonly hidden?: boolean
  /** Whether only URLs are taken: content that is to be referenced where it is. */
  readonly noCopy?: boolean
  readonly signal?: AbortSignal
}

/** What stands for bytes that are not UTF-8. */
const REPLACED = '\uFFFD'
/** Bytes that are read at once: fewer make uploads slower, more only cost memory. */
const READ_BYTES = 1024 * 1024

/**
 * Files and folders of this machine, and what URLs lead to, as entries of an add: a folder before what is in it, by
 * name. Symbolic links stay links. Each file is opened, and each URL asked, when its turn comes, so that folders of any
 * size take the memory of one. A URL is one whose scheme begins with `http`; the last part of its path is its name.
 *
 * @throws {FileEntriesError} as {@link checkPaths}; for a URL that does not answer with a status of 200 to 299
 * @see cli-config.md §1.7
 */
export async function* fileEntries(
  paths: Iterable<string>,
  options: FileEntriesOptions = {}
): AsyncGenerator<FileEntry, void, undefined> {
  for (const path of paths) {
    if (isUrl(path)) {
      yield urlEntry(path, options.signal)
      continue
    }
    const absolute = resolve(path)
    yield* walk(absolute, basename(absolute), path, options)
  }
}

/**
 * Says at once what {@link fileEntries} would say of the given paths themselves; nothing is read.
 *
 * @throws {FileEntriesError} for what is not there, a folder without `recursive`, something that is neither file, folder
 * nor link, and with `noCopy` for whatever is no URL
 */
export async function checkPaths(paths: Iterable<string>, options: FileEntriesOptions = {}): Promise<void> {
  for (const path of paths) if (!isUrl(path)) await statsOf(resolve(path), path, options)
}

/**
 * Bytes of all files that {@link fileEntries} would give.
 *
 * @returns `undefined` when a URL does not say how long its content is
 */
export async function totalFileBytes(
  paths: Iterable<string>,
  options: FileEntriesOptions = {}
): Promise<number | undefined> {
  let total = 0
  for (const path of paths) {
    if (isUrl(path)) {
      const length = await urlLength(path, options.signal)
      if (length === undefined) return undefined
      total += length
      continue
    }
    for await (const entry of fileEntries([path], options)) {
      options.signal?.throwIfAborted()
      if (entry.type === 'file' && entry.source !== undefined) total += (await lstat(entry.source)).size
    }
  }
  return total
}

async function* walk(
  absolute: string,
  path: string,
  given: string,
  options: FileEntriesOptions
): AsyncGenerator<FileEntry, void, undefined> {
  const stats = await statsOf(absolute, given, options)
  if (stats.isFile()) {
    yield { type: 'file', path, content: contentOf(absolute), source: absolute }
  } else if (stats.isSymbolicLink()) {
    yield { type: 'symlink', path, target: await targetOf(absolute, given) }
  } else {
    yield { type: 'directory', path }
    for (const name of await namesIn(absolute, given, options.hidden === true)) {
      yield* walk(join(absolute, name), `${path}/${name}`, join(given, name), options)
    }
  }
}

/** What something is, when it can be added. */
async function statsOf(absolute: string, given: string, options: FileEntriesOptions): Promise<Stats> {
  let stats: Stats
  try {
    stats = await lstat(absolute)
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException
    const text = errno === undefined ? String(error) : getSystemErrorMessage(errno)
    // An argument that is not UTF-8 has come with this in place of its bytes.
    const hint = given.includes(REPLACED) ? '; if its name is not valid UTF-8, it has to be renamed' : ''
    throw new FileEntriesError('UNREADABLE', `lstat ${given}: ${text}${hint}`, { cause: error })
  }
  if (stats.isDirectory() && options.recursive !== true) {
    throw new FileEntriesError('IS_DIRECTORY', `${given} is a directory, but Recursive option is not set`)
  }
  if (!stats.isFile() && !stats.isSymbolicLink() && !stats.isDirectory()) {
    throw new FileEntriesError('UNKNOWN_TYPE', `unrecognized file type for ${given}: ${fileModeText(stats.mode)}`)
  }
  if (options.noCopy === true) {
    throw new FileEntriesError('NO_URL', 'nocopy option is only valid for URLs')
  }
  return stats
}

/** Opened only when it is read. */
async function* contentOf(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>
}

async function namesIn(folder: string, given: string, hidden: boolean): Promise<string[]> {
  const names: string[] = []
  // One character a byte, since bytes that are not UTF-8 would be lost otherwise.
  for await (const { name } of await opendir(folder, { encoding: 'latin1' })) {
    if (!hidden && name.startsWith('.')) continue
    names.push(textOf(Buffer.from(name, 'latin1'), `the name of a file in ${given}`))
  }
  return names.sort(byName)
}

async function targetOf(link: string, given: string): Promise<string> {
  return textOf(await readlink(link, { encoding: 'buffer' }), `the target of ${given}`)
}

/** @throws {FileEntriesError} for bytes that would become another text */
function textOf(bytes: Buffer, what: string): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new FileEntriesError('BAD_NAME', `${what} is not valid UTF-8: ${shownOf(bytes)}`)
}

/** The bytes as a shell takes them in `$'…'`. */
function shownOf(bytes: Buffer): string {
  const shown = Array.from(bytes, (byte) =>
    byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  )
  return `"${shown.join('')}"`
}
