import { ClusterError } from '@cluster/api'
import { compareUtf8 } from './json.ts'

const BOOLEANS: ReadonlyMap<string, boolean> = new Map(
  [
    ['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
    ['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const)
  ].flat()
)
const INTEGER = /^[+-]?[0-9]+$/
const UNSIGNED = /^[0-9]+$/
const MAX_UINT64 = 2n ** 64n - 1n

/**
 * The values of a query by name, as a Go server sees them: of a repeated name the first, `+` is a space, and what holds
 * a `;` or a wrong percent escape is not there.
 *
 * @param query without the question mark
 * @see http-apis.md §1.12
 */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const equals = pair.indexOf('=')
    const name = unescape(equals < 0 ? pair : pair.slice(0, equals))
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1))
    if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value)
  }
  return values
}

/** A query as Go clients write it: names sorted, form-encoded. */
export function formatQuery(values: Iterable<readonly [name: string, value: string]>): string {
  return [...values]
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join('&')
}

/** A boolean parameter; empty counts as absent. Throws `BAD_REQUEST`. */
export function booleanParameter(query: ReadonlyMap<string, string>, name: string, absent: boolean): boolean {
  const text = query.get(name) ?? ''
  if (text === '') return absent
  const value = BOOLEANS.get(text)
  if (value === undefined) throw invalid(name)
  return value
}

/** An integer parameter; empty counts as absent. Throws `BAD_REQUEST`. */
export function integerParameter(query: ReadonlyMap<string, string>, name: string, absent: number): number {
  const text = query.get(name) ?? ''
  if (text === '') return absent
  const value = Number(text)
  if (!INTEGER.test(text) || !Number.isSafeInteger(value)) throw invalid(name)
  return value
}

/** A uint64, or undefined when the text is none. */
export function parseUint64(text: string): bigint | undefined {
  if (!UNSIGNED.test(text)) return undefined
  const value = BigInt(text)
  return value > MAX_UINT64 ? undefined : value
}

/** The error of a parameter, in the words of the Go peer. */
function invalid(name: string): ClusterError {
  return new ClusterError('BAD_REQUEST', `parameter ${name} invalid`)
}

function unescape(text: string): string | undefined {
  if (!text.includes('%')) return text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return unescapeBytes(text)
  }
}

/** Escapes of bytes that are no UTF-8: Go keeps the bytes, a string can only replace them. */
function unescapeBytes(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  const bytes: number[] = []
  const encoded = new TextEncoder().encode(text.replaceAll('+', ' '))
  for (let i = 0; i < encoded.length; i++) {
    const byte = encoded[i] ?? 0
    if (byte === 0x25) {
      bytes.push(Number.parseInt(String.fromCharCode(...encoded.subarray(i + 1, i + 3)), 16))
      i += 2
    } else bytes.push(byte)
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
}

function escape(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
