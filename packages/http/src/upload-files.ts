import { HttpError } from './errors.ts'
import type { UploadEntry } from './upload.ts'

/** Longest target of a symbolic link: far above what file systems take. */
const MAX_TARGET_BYTES = 65_536

/** An entry of an upload as adders take it. */
export type UploadedFile =
  | {
      readonly type: 'file'
      readonly path: string
      readonly content: AsyncIterable<Uint8Array>
      readonly source?: string
    }
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }

/**
 * The entries of an upload as files to add, pulled as the upload is.
 *
 * @throws HttpError `MULTIPART_LIMIT` for a target of a symbolic link that is too long
 */
export async function* uploadedFiles(
  upload: AsyncIterable<UploadEntry>
): AsyncGenerator<UploadedFile, void, undefined> {
  for await (const { type, path, body, abspath } of upload) {
    if (type === 'directory') yield { type, path }
    else if (type === 'symlink') yield { type, path, target: await targetOf(body) }
    else yield { type, path, content: body, ...(abspath === undefined ? {} : { source: abspath }) }
  }
}

async function targetOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body) {
    length += part.length
    if (length > MAX_TARGET_BYTES) {
      throw new HttpError('MULTIPART_LIMIT', `target of a symbolic link is longer than ${MAX_TARGET_BYTES} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}
