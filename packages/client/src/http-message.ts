import type { ByteReader } from '@cluster/streams'

/** Longest status line with headers, and longest trailer: what Node and Go take as well, and more. */
const MAX_HEAD_BYTES = 64 * 1024
const CR = 13
const LF = 10

/** The beginning of an answer. */
export interface ResponseHead {
  readonly status: number
  readonly statusText: string
  /** By name in lower case. */
  readonly headers: Fields
}

/** Headers or trailers: all values by name in lower case. */
export type Fields = ReadonlyMap<string, readonly string[]>

/** What was sent is no HTTP/1.1. */
class HttpMessageError extends Error {
  override readonly name = 'HttpMessageError'
  readonly code = 'BAD_HTTP_MESSAGE'
}

/**
 * The beginning of a request.
 *
 * @throws {HttpMessageError} for headers with line breaks
 */
export function requestHead(method: string, url: URL, headers: Readonly<Record<string, string>>): Uint8Array {
  const lines = Object.entries({ host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}`)
  if (lines.some((line) => /[\r\n\0]/.test(line))) throw new HttpMessageError('a header has a line break')
  const target = `${url.pathname === '' ? '/' : url.pathname}${url.search}`
  return new TextEncoder().encode([`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
}

/** Reads the beginning of the answer; those in front of it that only say to go on are skipped. */
export async function readHead(reader: ByteReader): Promise<ResponseHead> {
  for (;;) {
    const line = await readLine(reader)
    const [, status, statusText = ''] = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(line) ?? []
    if (status === undefined) throw new HttpMessageError(`malformed HTTP response "${line.slice(0, 80)}"`)
    const headers = await readFields(reader)
    if (Number(status) >= 200) return { status: Number(status), statusText, headers }
  }
}

/**
 * The body of an answer. Trailers are there when it has ended.
 *
 * @param keep - takes the trailers
 */
export async function* readBody(
  reader: ByteReader,
  { status, headers }: ResponseHead,
  keep: (trailers: Fields) => void
): AsyncGenerator<Uint8Array, void, undefined> {
  if (status === 204 || status === 304) return
  if (/(?:^|,)\s*chunked\s*$/i.test((headers.get('transfer-encoding') ?? []).join())) {
    for (;;) {
      const size = /^([\da-f]{1,12})\s*(?:;.*)?$/i.exec(await readLine(reader))?.[1]
      if (size === undefined) throw new HttpMessageError('malformed chunked encoding')
      if (/^0+$/.test(size)) break
      yield* readBytes(reader, parseInt(size, 16))
      if ((await readLine(reader)) !== '') throw new HttpMessageError('malformed chunked encoding')
    }
    keep(await readFields(reader))
    return
  }
  const length = headers.get('content-length')?.[0]
  if (length === undefined) {
    while (reader.buffered.length > 0 || (await reader.fill())) yield reader.take(reader.buffered.length)
    return
  }
  if (!/^\d{1,15}$/.test(length)) throw new HttpMessageError(`bad Content-Length "${length.slice(0, 80)}"`)
  yield* readBytes(reader, Number(length))
}

async function* readBytes(reader: ByteReader, length: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let left = length; left > 0;) {
    if (reader.buffered.length === 0 && !(await reader.fill())) throw new HttpMessageError('unexpected EOF')
    const bytes = reader.take(Math.min(left, reader.buffered.length))
    left -= bytes.length
    yield bytes
  }
}

async function readFields(reader: ByteReader): Promise<Fields> {
  const fields = new Map<string, readonly string[]>()
  let bytes = 0
  for (;;) {
    const line = await readLine(reader)
    if (line === '') return fields
    bytes += line.length
    const [, name, value = ''] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (name === undefined || bytes > MAX_HEAD_BYTES) throw new HttpMessageError('malformed or too long header')
    const key = name.toLowerCase()
    fields.set(key, [...(fields.get(key) ?? []), value])
  }
}

async function readLine(reader: ByteReader): Promise<string> {
  for (let seen = 0; ;) {
    const end = reader.buffered.indexOf(LF, seen)
    if (end >= 0) {
      const line = reader.take(end + 1)
      return new TextDecoder('latin1').decode(line.subarray(0, line[end - 1] === CR ? end - 1 : end))
    }
    seen = reader.buffered.length
    if (seen > MAX_HEAD_BYTES) throw new HttpMessageError('a header line is too long')
    if (!(await reader.fill())) throw new HttpMessageError(seen === 0 ? 'EOF' : 'unexpected EOF')
  }
}
