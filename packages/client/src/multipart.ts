import type { FileEntry } from '@cluster/api'

/** A multipart body, with the value of its `Content-Type`. */
export interface Multipart {
  readonly contentType: string
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Files as the body of an add, written while it is read.
 *
 * @param onUpload - told how many bytes of file content have been taken so far
 * @see http-apis.md §3.16
 */
export function multipartOf(
  entries: Iterable<FileEntry> | AsyncIterable<FileEntry>,
  onUpload?: (bytes: number) => void
): Multipart {
  const boundary = `cluster-${crypto.randomUUID()}`
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: write(entries, boundary, onUpload) }
}

const contentTypes = {
  file: 'application/octet-stream',
  directory: 'application/x-directory',
  symlink: 'application/symlink'
} as const satisfies Record<FileEntry['type'], string>

async function* write(
  entries: Iterable<FileEntry> | AsyncIterable<FileEntry>,
  boundary: string,
  onUpload: ((bytes: number) => void) | undefined
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder()
  let uploaded = 0
  for await (const entry of entries) {
    yield encoder.encode(headOf(entry, boundary))
    if (entry.type === 'file') {
      for await (const bytes of entry.content) {
        yield bytes
        uploaded += bytes.length
        onUpload?.(uploaded)
      }
    } else if (entry.type === 'symlink') {
      yield encoder.encode(entry.target)
    }
    yield encoder.encode('\r\n')
  }
  yield encoder.encode(`--${boundary}--\r\n`)
}

function headOf(entry: FileEntry, boundary: string): string {
  const source =
    entry.type === 'file' && entry.source !== undefined ? `Abspath-Encoded: ${escape(entry.source)}\r\n` : ''
  const disposition = `Content-Disposition: form-data; name="file"; filename="${escape(entry.path)}"\r\n`
  return `--${boundary}\r\n${source}${disposition}Content-Type: ${contentTypes[entry.type]}\r\n\r\n`
}

/** Form-escaped: a space is `+`, a slash `%2F`; no quote or line break is left. */
function escape(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
