import { isUtf8 } from 'node:buffer'
import { ByteWindow } from './byte-window.ts'
import { HttpError } from './errors.ts'

/** Limits of a multipart body. */
export interface MultipartLimits {
  /** Default 16 KiB. */
  readonly maxHeaderBytesPerPart?: number
  /** Default one million. */
  readonly maxParts?: number
}

/** One part of a multipart body. */
export interface MultipartPart {
  /** Header values by lower-case name; the first of a repeated name. */
  readonly headers: ReadonlyMap<string, string>
  /** The bytes, pulled. What is not read is skipped when the next part is asked for. */
  readonly body: AsyncIterable<Uint8Array>
}

const maxPreambleBytes = 64 * 1024
const lineEnd = Buffer.from('\r\n')
const headerEnd = Buffer.from('\r\n\r\n')
const dashes = Buffer.from('--')

/**
 * Parts of a multipart body (RFC 2046), pulled: nothing is read ahead of the consumer but the rest of a chunk.
 *
 * A body that ends inside a part ends that part quietly; the next pull then throws, as the reference does, so that
 * nothing is taken for complete.
 *
 * @throws HttpError `BAD_MULTIPART`, `MULTIPART_LIMIT`; and what the source throws
 */
export async function* multipartParts(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits = {}
): AsyncGenerator<MultipartPart, void, undefined> {
  const maxHeaderBytes = limits.maxHeaderBytesPerPart ?? 16 * 1024
  const maxParts = limits.maxParts ?? 1_000_000
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const window = new ByteWindow(source, lineEnd) // so that the first boundary looks like all others
  try {
    await skipPreamble(window, delimiter)
    for (let count = 1; await nextPart(window); count++) {
      if (count > maxParts) throw new HttpError('MULTIPART_LIMIT', `more than ${maxParts} parts`)
      const headers = await readHeaders(window, maxHeaderBytes)
      const body = readBody(window, delimiter)
      yield { headers, body: { [Symbol.asyncIterator]: () => withoutReturn(body) } }
      for (;;) if ((await body.next()).done === true) break // what the consumer left
    }
  } finally {
    await window.close()
  }
}

/** Breaking off the body of a part must not end the generator that skips the rest of it. */
function withoutReturn(body: AsyncGenerator<Uint8Array>): AsyncIterator<Uint8Array> {
  return { next: () => body.next() }
}

async function skipPreamble(window: ByteWindow, delimiter: Buffer): Promise<void> {
  let skipped = 0
  for (;;) {
    const at = window.indexOf(delimiter)
    if (at >= 0) {
      window.take(at + delimiter.byteLength)
      return
    }
    skipped += window.take(Math.max(0, window.length - delimiter.byteLength)).byteLength
    if (skipped > maxPreambleBytes) throw new HttpError('BAD_MULTIPART', 'multipart: boundary not found')
    if (!(await window.more())) throw eof()
  }
}

/** Reads the rest of a boundary line; false when it is the last. The line end stays: headers may be empty. */
async function nextPart(window: ByteWindow): Promise<boolean> {
  await need(window, 2)
  if (window.startsWith(dashes)) return false
  for (;;) {
    await need(window, 2)
    if (window.startsWith(lineEnd)) return true
    const [padding] = window.take(1)
    if (padding !== 0x20 && padding !== 0x09) throw new HttpError('BAD_MULTIPART', 'multipart: malformed boundary line')
  }
}

async function readHeaders(window: ByteWindow, maxBytes: number): Promise<ReadonlyMap<string, string>> {
  for (;;) {
    const at = window.indexOf(headerEnd)
    if (at > maxBytes || (at < 0 && window.length > maxBytes)) {
      throw new HttpError('MULTIPART_LIMIT', `header of a part is longer than ${maxBytes} bytes`)
    }
    if (at >= 0) {
      const bytes = window.take(at + lineEnd.byteLength) // the second line end may begin the delimiter
      // A name in other bytes would become another one.
      if (!isUtf8(bytes)) throw new HttpError('BAD_MULTIPART', 'multipart: the header of a part is not valid UTF-8')
      return parseHeaders(bytes.toString('utf8'))
    }
    if (!(await window.more())) throw eof()
  }
}

function parseHeaders(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon <= 0) throw new HttpError('BAD_MULTIPART', 'multipart: malformed header of a part')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
  }
  return headers
}

/** Bytes up to the delimiter, which is taken too. The window begins with the line end that ended the headers. */
async function* readBody(window: ByteWindow, delimiter: Buffer): AsyncGenerator<Uint8Array> {
  while (window.length < delimiter.byteLength && (await window.more()));
  if (window.startsWith(delimiter)) {
    window.take(delimiter.byteLength) // empty, and without a line end of its own
    return
  }
  window.take(lineEnd.byteLength)
  for (;;) {
    const at = window.indexOf(delimiter)
    // Nothing is left of most chunks, so that the next one need not be joined to it.
    const length = at >= 0 ? at : window.length - window.heldBack(delimiter)
    if (length > 0) yield window.take(length)
    if (at >= 0) {
      window.take(delimiter.byteLength)
      return
    }
    if (!(await window.more())) {
      const rest = window.take(window.length)
      if (rest.byteLength > 0) yield rest
      return // the next part is missing, which is what will be reported
    }
  }
}

async function need(window: ByteWindow, length: number): Promise<void> {
  while (window.length < length) if (!(await window.more())) throw eof()
}

function eof(): HttpError {
  return new HttpError('BAD_MULTIPART', 'multipart: NextPart: EOF')
}
