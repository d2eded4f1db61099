import { ClusterError } from '@cluster/api'

/** An object of a stream of JSON, and the line on which it began. */
export interface JsonObjectText {
  readonly text: string
  readonly line: number
}

/** Most bytes of one object: a pin with very much metadata has less. */
export const MAX_OBJECT_BYTES = 4 * 1024 * 1024

const [QUOTE, BACKSLASH, NEWLINE] = [0x22, 0x5c, 0x0a]
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d]
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf)
const isBlank = (byte: number): boolean => byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09

/**
 * Cuts a stream of JSON objects, with any white space between them, into the texts of the objects: those of one chunk
 * of the stream make a page. What is inside an object is not checked.
 *
 * @throws {ClusterError} `CORRUPT` for anything between objects that is none, or an end in the middle of one; `LIMIT`
 * for an object above {@link MAX_OBJECT_BYTES}
 * @see cli-config.md §5.2
 */
export async function* jsonObjects(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly JsonObjectText[]> {
  /** What is known of the object that goes on in the next chunk. */
  const held: Buffer[] = []
  let heldBytes = 0
  let [line, beganOn, depth] = [1, 1, 0]
  let [isString, isEscaped, isFirst] = [false, false, true]
  for await (const chunk of source) {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (isFirst && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) {
      bytes = bytes.subarray(BYTE_ORDER_MARK.length)
    }
    isFirst = false
    const page: JsonObjectText[] = []
    let start = 0
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0
      if (byte === NEWLINE) line += 1
      if (isString) {
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) isString = false
      } else if (depth === 0) {
        if (isBlank(byte)) continue
        if (byte !== OPEN) throw notAnObject(line, bytes.toString('utf8', at, at + 20))
        ;[start, depth, beganOn] = [at, 1, line]
      } else if (byte === QUOTE) isString = true
      else if (byte === OPEN || byte === OPEN_LIST) depth += 1
      else if (byte === CLOSE || byte === CLOSE_LIST) {
        depth -= 1
        if (depth > 0) continue
        if (heldBytes + at + 1 - start > MAX_OBJECT_BYTES) throw tooLarge(beganOn)
        const last = bytes.subarray(start, at + 1)
        page.push({ text: (held.length === 0 ? last : Buffer.concat([...held, last])).toString('utf8'), line: beganOn })
        held.length = 0
        heldBytes = 0
      }
    }
    if (depth > 0) {
      // the source may use its buffer again
      held.push(Buffer.from(bytes.subarray(start)))
      heldBytes += bytes.length - start
      if (heldBytes > MAX_OBJECT_BYTES) throw tooLarge(beganOn)
    }
    if (page.length > 0) yield page
  }
  if (depth > 0) throw new ClusterError('CORRUPT', `line ${beganOn}: the object that begins here does not end`)
}

function notAnObject(line: number, text: string): ClusterError {
  const found = JSON.stringify(text.split(/\s/, 1)[0])
  return new ClusterError('CORRUPT', `line ${line}: expected a pin as a JSON object, found ${found}`)
}

function tooLarge(line: number): ClusterError {
  return new ClusterError('LIMIT', `line ${line}: the object that begins here has more than ${MAX_OBJECT_BYTES} bytes`)
}
