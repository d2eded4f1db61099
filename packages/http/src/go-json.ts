const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029'
}

/**
 * JSON as the Go peer writes it: compact, keys in the order of the object, `<`, `>`, `&` and the two line separators
 * escaped, a bigint as bare digits. Values that JSON has no form for are left out of objects and `null` elsewhere.
 *
 * @see http-apis.md §1.13
 */
export function goJson(value: unknown): string {
  const text: unknown = JSON.stringify(value, writeBigInt)
  if (typeof text !== 'string') return 'null' // undefined, a function
  return text.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character)
}

interface RawJson {
  rawJSON?(text: string): unknown
}

function writeBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? (JSON as RawJson).rawJSON?.(value.toString()) : value
}
