import { parseJson } from '@cluster/wire'
import { ApiError } from './api-error.ts'

/** Longest line of a stream, and longest answer that is one value: a status of tens of thousands of peers. */
const MAX_VALUE_BYTES = 64 * 1024 * 1024

/** The whole body as text. */
export async function textOf(body: AsyncIterable<Uint8Array>, status: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true })
    checkLength(text.length, status)
  }
  return text + decoder.decode()
}

/** The values of newline-delimited JSON. Empty lines are skipped. */
export async function* valuesOf(
  body: AsyncIterable<Uint8Array>,
  status: number
): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    checkLength(rest.length, status)
    for (const line of lines) if (line.trim() !== '') yield parseJson(line)
  }
  rest += decoder.decode()
  if (rest.trim() !== '') yield parseJson(rest)
}

function checkLength(length: number, status: number): void {
  if (length > MAX_VALUE_BYTES)
    throw new ApiError('UNEXPECTED', status, `a value is longer than ${MAX_VALUE_BYTES} bytes`)
}
