const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n]
])
const PART = /([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)/y
const LIMIT = 2n ** 63n

/**
 * Reads a Go duration such as `1h30m` or `1.5s` into nanoseconds.
 *
 * @throws SyntaxError in the words of Go
 */
export function parseGoDuration(text: string): bigint {
  const wrong = (): SyntaxError => new SyntaxError(`time: invalid duration ${JSON.stringify(text)}`)
  const negative = text.startsWith('-')
  const rest = negative || text.startsWith('+') ? text.slice(1) : text
  if (rest === '0') return 0n
  if (rest === '') throw wrong()
  if (/^[0-9.]+$/.test(rest)) throw new SyntaxError(`time: missing unit in duration ${JSON.stringify(text)}`)
  let total = 0n
  let at = 0
  while (at < rest.length) {
    PART.lastIndex = at
    const match = PART.exec(rest)
    const [whole, digits = '', fraction = '', unit = ''] = match ?? []
    const nanos = UNITS.get(unit)
    if (whole === undefined || nanos === undefined || digits + fraction === '') throw wrong()
    total += BigInt(digits === '' ? 0 : digits) * nanos
    if (fraction !== '') total += (BigInt(fraction) * nanos) / 10n ** BigInt(fraction.length)
    at += whole.length
  }
  if (total >= LIMIT) throw wrong()
  return negative ? -total : total
}
