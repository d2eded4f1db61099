const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000
}

const MAX_MS = 2 ** 63 / 1e6

/**
 * Reads a Go duration such as `1h30m`, `200ms` or `-.5s` into milliseconds. Days do not exist.
 *
 * @throws {SyntaxError} with Go's text
 * @see cli-config.md §0.3
 */
export function parseDuration(text: string): number {
  const invalid = (): SyntaxError => new SyntaxError(`time: invalid duration ${JSON.stringify(text)}`)
  const sign = text.startsWith('-') ? -1 : 1
  let rest = text.replace(/^[+-]/, '')
  if (rest === '0') return 0
  if (rest === '') throw invalid()
  let total = 0
  while (rest !== '') {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0]
    if (number === undefined) throw invalid()
    rest = rest.slice(number.length)
    const unit = /^[^\d.]*/.exec(rest)?.[0] ?? ''
    if (unit === '') throw new SyntaxError(`time: missing unit in duration ${JSON.stringify(text)}`)
    const factor = Object.hasOwn(UNIT_MS, unit) ? UNIT_MS[unit] : undefined
    if (factor === undefined) {
      throw new SyntaxError(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`)
    }
    total += Number(number) * factor
    rest = rest.slice(unit.length)
  }
  // Go counts nanoseconds in 63 bits: 292 years.
  if (total >= MAX_MS) throw invalid()
  return sign * total
}

/**
 * Prints milliseconds as Go prints a duration: `0s`, `200ms`, `1m30s`, `24h0m0s`.
 *
 * @see cli-config.md §0.3
 */
export function formatDuration(ms: number): string {
  const sign = ms < 0 ? '-' : ''
  const nanos = BigInt(Math.round(Math.abs(ms) * 1e6))
  if (nanos === 0n) return '0s'
  if (nanos < 1_000n) return `${sign}${nanos.toString()}ns`
  if (nanos < 1_000_000n) return `${sign}${decimal(nanos, 3)}µs`
  if (nanos < 1_000_000_000n) return `${sign}${decimal(nanos, 6)}ms`
  const minutes = nanos / 60_000_000_000n
  const seconds = `${decimal(nanos % 60_000_000_000n, 9)}s`
  if (minutes === 0n) return sign + seconds
  if (minutes < 60n) return `${sign}${minutes.toString()}m${seconds}`
  return `${sign}${(minutes / 60n).toString()}h${(minutes % 60n).toString()}m${seconds}`
}

function decimal(value: bigint, digits: number): string {
  const text = value.toString().padStart(digits + 1, '0')
  const fraction = text.slice(-digits).replace(/0+$/, '')
  return text.slice(0, -digits) + (fraction === '' ? '' : `.${fraction}`)
}
