import { ClusterError } from '@cluster/api'

/** Runs of digits shorter than this are exact as a number, whatever they are. */
const LONG_NUMBER = /[0-9]{16}/
const ESCAPED = /[<>&\u2028\u2029]/
const ALL_ESCAPED = /[<>&\u2028\u2029]/g
const INTEGER = /^-?[0-9]+$/

/**
 * Parses JSON with exact integers: those beyond 2^53 become bigint, all others numbers.
 *
 * @throws ClusterError `CORRUPT` when the text is no JSON
 * @see http-apis.md §1.13
 */
export function parseJson(text: string): unknown {
  try {
    // A reviver makes parsing several times slower, so it is used only where a long number is in sight.
    return LONG_NUMBER.test(text) ? (JSON.parse(text, exactInteger) as unknown) : (JSON.parse(text) as unknown)
  } catch (error) {
    throw new ClusterError('CORRUPT', error instanceof Error ? error.message : String(error), { cause: error })
  }
}

// TypeScript's library does not know the third argument of a reviver yet.
function exactInteger(...args: readonly unknown[]): unknown {
  const [, value, context] = args as readonly [string, unknown, { readonly source?: string } | undefined]
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source ?? ''
  return INTEGER.test(source) ? BigInt(source) : value
}

/** A JSON string as Go prints it, with the characters escaped that matter to HTML. */
export function quote(text: string): string {
  const quoted = JSON.stringify(text)
  if (!ESCAPED.test(quoted)) return quoted
  return quoted.replace(ALL_ESCAPED, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The order of Go's map keys: by the bytes of their UTF-8, which is the order of their code points. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // Halves of pairs stand for code points above all others.
    const high = Number(isSurrogate(x)) - Number(isSurrogate(y))
    return high === 0 ? x - y : high
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}
