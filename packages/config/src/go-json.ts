const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029'
}

/**
 * JSON text as Go's `encoding/json` indents it: no newline at the end, `<`, `>` and `&` escaped.
 *
 * @see cli-config.md §0.4
 */
export function toGoJson(value: unknown, indent: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[<>&\u2028\u2029]/g, (c) => escapes[c] ?? c)
}
