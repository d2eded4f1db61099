import { readdir } from 'node:fs/promises'
import { DatastoreError, messageOf } from './errors.ts'

/** What a LevelDB folder may contain; goleveldb also writes `CURRENT.bak` and `CURRENT.<number>`. */
const LEVELDB_FILE = /^(CURRENT(\..+)?|LOCK|LOG(\.old)?|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp|tmp))$|^lost$/
/** The log of a database whose creation was interrupted before `CURRENT` was written. */
const FIRST_LOG = '000003.log'
const DATA_FILE = /^\d+\.(ldb|sst|log)$/

/**
 * Looks at a folder before LevelDB does: LevelDB creates a fresh database among foreign files, and over the tables of a
 * database that lost its `CURRENT`, without a word.
 *
 * @throws DatastoreError `ERR_DATASTORE_FOREIGN`, `ERR_DATASTORE_CORRUPT`, `ERR_DATASTORE_MISSING`, `ERR_DATASTORE_OPEN`
 */
export async function inspectFolder(folder: string, createIfMissing: boolean): Promise<void> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') names = []
    else throw new DatastoreError('ERR_DATASTORE_OPEN', `datastore: cannot read ${folder}: ${messageOf(cause)}`, cause)
  }
  const foreign = names.find((name) => !LEVELDB_FILE.test(name))
  if (foreign !== undefined) {
    throw new DatastoreError(
      'ERR_DATASTORE_FOREIGN',
      `datastore: ${folder} is not a LevelDB folder (it contains ${foreign}): use another folder`
    )
  }
  if (names.includes('CURRENT')) return
  if (names.some((name) => DATA_FILE.test(name) && name !== FIRST_LOG)) {
    throw new DatastoreError(
      'ERR_DATASTORE_CORRUPT',
      `datastore: ${folder} has data but no CURRENT file: repair it, or move it away and start empty`
    )
  }
  if (!createIfMissing) {
    throw new DatastoreError('ERR_DATASTORE_MISSING', `datastore: there is no database in ${folder}`)
  }
}

/** Turns LevelDB's failure to open into ours. */
export function openError(folder: string, error: unknown): DatastoreError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const text = messageOf(cause)
  if (code === 'LEVEL_LOCKED') {
    return new DatastoreError(
      'ERR_DATASTORE_LOCKED',
      `datastore: ${folder} is in use by another process (${text}): stop it first`,
      cause
    )
  }
  if (code === 'LEVEL_CORRUPTION' || text.startsWith('Corruption')) {
    return new DatastoreError(
      'ERR_DATASTORE_CORRUPT',
      `datastore: ${folder} is damaged (${text}): repair it, or move it away and start empty`,
      cause
    )
  }
  return new DatastoreError('ERR_DATASTORE_OPEN', `datastore: cannot open ${folder}: ${text}`, cause)
}
