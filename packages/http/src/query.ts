import { isUtf8 } from 'node:buffer'

const trueTexts: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const falseTexts: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** The parameters of a query string; the first value of a name counts. */
export type Query = ReadonlyMap<string, string>

/**
 * Reads a query string (without `?`) as the Go peer does: `+` is a space, a pair with `;` or a bad percent escape is
 * dropped silently.
 *
 * @see http-apis.md §1.12
 */
export function parseQuery(text: string): Query {
  const query = new Map<string, string>()
  for (const pair of text.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const equals = pair.indexOf('=')
    const name = queryUnescape(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : queryUnescape(pair.slice(equals + 1))
    if (name !== undefined && value !== undefined && !query.has(name)) query.set(name, value)
  }
  return query
}

/** A form-escaped text, `undefined` when an escape is malformed. Bytes that are not UTF-8 become U+FFFD. */
export function queryUnescape(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  if (!/[%+]/.test(text)) return text
  const parts = text.replaceAll('+', ' ').split(/((?:%[0-9A-Fa-f]{2})+)/)
  return parts
    .map((part, i) => (i % 2 === 0 ? part : Buffer.from(part.replaceAll('%', ''), 'hex').toString('utf8')))
    .join('')
}

/** A form-escaped text, as it is when an escape is malformed; `undefined` when its bytes are not UTF-8. */
export function unescapedName(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return text
  const parts = text.replaceAll('+', ' ').split(/((?:%[0-9A-Fa-f]{2})+)/)
  const bytes = Buffer.concat(
    parts.map((part, i) => Buffer.from(i % 2 === 0 ? part : part.replaceAll('%', ''), i % 2 === 0 ? 'utf8' : 'hex'))
  )
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/** A boolean of a query, `undefined` when absent or empty, `'invalid'` when it is neither. */
export function queryBoolean(query: Query, name: string): boolean | undefined | 'invalid' {
  const text = query.get(name) ?? ''
  if (text === '') return undefined
  if (trueTexts.has(text)) return true
  return falseTexts.has(text) ? false : 'invalid'
}

/** A whole number of a query, `undefined` when absent or empty, `'invalid'` when it is none or above 2^53. */
export function queryInteger(query: Query, name: string): number | undefined | 'invalid' {
  const text = query.get(name) ?? ''
  if (text === '') return undefined
  const value = Number(text)
  return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(value) ? value : 'invalid'
}

/** Path of an address as `path.Clean("/" + path)` of Go gives it: absolute, without `.`, `..` and empty segments. */
export function cleanAbsolutePath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') kept.pop()
    else kept.push(segment)
  }
  return `/${kept.join('/')}`
}
