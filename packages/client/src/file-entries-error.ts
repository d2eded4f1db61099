/** Why something cannot be added. */
export type FileEntriesErrorCode =
  /** The system does not let it be read, or it is not there. */
  | 'UNREADABLE'
  /** A folder, and folders were not asked for. */
  | 'IS_DIRECTORY'
  /** Neither file, folder nor link. */
  | 'UNKNOWN_TYPE'
  /** A name, or the target of a link, whose bytes are not UTF-8: it would become another one. */
  | 'BAD_NAME'
  /** Something on this machine, where only URLs make sense. */
  | 'NO_URL'
  /** A URL does not lead to content. */
  | 'URL_FAILED'

/** A path or URL cannot be read as files. */
export class FileEntriesError extends Error {
  override readonly name = 'FileEntriesError'
  readonly code: FileEntriesErrorCode

  constructor(code: FileEntriesErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
