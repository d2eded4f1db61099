const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const

/**
 * Bytes for people, with units of 1000.
 *
 * @see cli-config.md §0.6
 */
export function humanBytes(bytes: bigint): string {
  if (bytes < 10n) return `${bytes.toString()} B`
  let exponent = 0
  for (let limit = 1000n; bytes >= limit && exponent < UNITS.length - 1; limit *= 1000n) exponent++
  const value = Math.floor((Number(bytes) / 1000 ** exponent) * 10 + 0.5) / 10
  return `${value < 10 ? decimals(value, exponent) : roundHalfToEven(value).toString()} ${UNITS[exponent] ?? ''}`
}

function decimals(value: number, exponent: number): string {
  return exponent === 0 ? value.toFixed(0) : value.toFixed(1)
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

const SECOND = 1_000_000_000n
const MINUTE = 60n * SECOND
const HOUR = 60n * MINUTE
const DAY = 24n * HOUR
const WEEK = 7n * DAY
const MONTH = 30n * DAY
const YEAR = 12n * MONTH

/** Times shorter than the first are told as the text says; `%` stands for how many of the second there are. */
const SPANS: readonly (readonly [bigint, string, bigint])[] = [
  [2n * SECOND, '1 second', SECOND],
  [MINUTE, '% seconds', SECOND],
  [2n * MINUTE, '1 minute', MINUTE],
  [HOUR, '% minutes', MINUTE],
  [2n * HOUR, '1 hour', HOUR],
  [DAY, '% hours', HOUR],
  [2n * DAY, '1 day', DAY],
  [WEEK, '% days', DAY],
  [2n * WEEK, '1 week', WEEK],
  [MONTH, '% weeks', WEEK],
  [2n * MONTH, '1 month', MONTH],
  [YEAR, '% months', MONTH],
  [18n * MONTH, '1 year', YEAR],
  [2n * YEAR, '2 years', YEAR],
  [37n * YEAR, '% years', YEAR]
]

/**
 * How far a time is from now, such as `29 seconds from now`.
 *
 * @param time - in nanoseconds since 1970, as is `now`
 * @see cli-config.md §0.6
 */
export function relativeTime(time: bigint, now: bigint): string {
  const distance = time > now ? time - now : now - time
  if (distance < SECOND) return 'now'
  const suffix = time > now ? 'from now' : 'ago'
  for (const [limit, text, unit] of SPANS) {
    if (distance < limit) return `${text.replace('%', (distance / unit).toString())} ${suffix}`
  }
  return `a long while ${suffix}`
}
