import type { Readable } from 'node:stream'
import { HttpError } from './errors.ts'
import { headerParameters } from './header-parameters.ts'
import { type MultipartLimits, multipartParts } from './multipart-parts.ts'
import { cleanAbsolutePath, queryUnescape, unescapedName } from './query.ts'

/** One entry of an uploaded tree, in the order of the body: depth first. */
export interface UploadEntry {
  readonly type: 'file' | 'directory' | 'symlink'
  /** Clean and relative: no `..`, no empty segments; `''` when the part has no file name. */
  readonly path: string
  /** Where the client had it: `abspath-encoded` (unescaped) or `abspath`. */
  readonly abspath?: string
  /** Form field name, for instance `file?mode=0644&mtime=1700000000`. */
  readonly field: string
  /** Bytes of a file or the target of a symlink, pulled. Skipped if not read before the next entry is asked for. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Most of a wrong name that an error shows. */
const MAX_SHOWN = 128

/** What of a request is needed to read its upload. */
export interface Upload extends MultipartLimits {
  /** The request: `c.env.incoming` with hono. */
  readonly body: Readable
  readonly contentType: string | undefined
  readonly signal?: AbortSignal
}

/**
 * The entries of a `multipart/form-data` or `multipart/mixed` upload as a pulled stream with back-pressure: a slow
 * consumer slows the client, nothing is kept. Breaking off leaves the rest of the upload unread.
 *
 * The content type is checked at the call, before anything is read.
 *
 * @throws HttpError `NOT_MULTIPART` at once; while reading `BAD_MULTIPART`, `MULTIPART_LIMIT`, `UPLOAD_ABORTED`
 * @see http-apis.md §3.16 Body
 */
export function readUpload(upload: Upload): AsyncGenerator<UploadEntry, void, undefined> {
  const { value: type, parameters } = headerParameters(upload.contentType ?? '')
  if (type !== 'multipart/form-data' && type !== 'multipart/mixed') {
    throw new HttpError('NOT_MULTIPART', "request Content-Type isn't multipart/form-data")
  }
  const boundary = parameters.get('boundary') ?? ''
  if (boundary === '') throw new HttpError('NOT_MULTIPART', 'no multipart boundary param in Content-Type')
  return entries(upload, boundary)
}

async function* entries(upload: Upload, boundary: string): AsyncGenerator<UploadEntry, void, undefined> {
  for await (const { headers, body } of multipartParts(chunks(upload), boundary, upload)) {
    const { parameters } = headerParameters(headers.get('content-disposition') ?? '')
    const filename = parameters.get('filename') ?? ''
    const escapedPath = headers.get('abspath-encoded')
    const abspath = escapedPath === undefined ? headers.get('abspath') : (queryUnescape(escapedPath) ?? escapedPath)
    yield {
      type: typeOf(headers.get('content-type') ?? ''),
      path: cleanAbsolutePath(nameOf(filename)).slice(1),
      field: parameters.get('name') ?? '',
      body,
      ...(abspath === undefined || abspath === '' ? {} : { abspath })
    }
  }
}

/** A name in other bytes than UTF-8 would become another one. */
function nameOf(filename: string): string {
  const name = unescapedName(filename)
  if (name !== undefined) return name
  throw new HttpError('BAD_MULTIPART', `multipart: a file name is not valid UTF-8: ${filename.slice(0, MAX_SHOWN)}`)
}

function typeOf(contentType: string): UploadEntry['type'] {
  const { value } = headerParameters(contentType)
  if (value === 'application/x-directory' || value.startsWith('multipart/')) return 'directory'
  return value === 'application/symlink' ? 'symlink' : 'file'
}

/** The request body; unlike its own iterator it does not destroy the connection when it is broken off. */
async function* chunks({ body, signal }: Upload): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      signal?.throwIfAborted()
      if (!(chunk instanceof Uint8Array)) throw new TypeError('an upload is read as bytes')
      yield chunk
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET') {
      throw new HttpError('UPLOAD_ABORTED', 'the client went away during the upload', { cause })
    }
    throw cause
  }
}
