import { timeComplaint } from './time-complaint.ts'

/**
 * An instant as nanoseconds since the Unix epoch. `Date` holds milliseconds, the wire holds nanoseconds.
 *
 * Go's zero time ("no time", year 1) is `undefined` wherever a field may carry it; it differs from the epoch, `0n`.
 *
 * @see wire-host-rpc.md §3.4
 */
export type Timestamp = bigint

/**
 * Of a value with times that was read from text: in which offset from UTC they were written. Whoever prints the value
 * again writes them alike, as Go does with the zone of the peer that was asked.
 *
 * @see cli-config.md §0.5
 */
export interface WithTimeOffsets {
  /** Minutes by name of the property; what is not named, or all when absent, was in UTC. */
  readonly timeOffsets?: Readonly<Record<string, number>>
}

const NANOS_PER_MS = 1_000_000n
const NANOS_PER_SECOND = 1_000_000_000n
const NANOS_PER_MINUTE = 60n * NANOS_PER_SECOND
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))$/
const OFFSET = /([+-])(\d\d):(\d\d)$/
/** What Go prints for the zero time. */
export const ZERO_TIME_TEXT = '0001-01-01T00:00:00Z'
const ZERO_TIME_NANOS = BigInt(Date.parse(ZERO_TIME_TEXT)) * NANOS_PER_MS

/** The instant `ms` milliseconds after the Unix epoch (fractions are dropped). */
export function timestampFromMs(ms: number): Timestamp {
  return BigInt(Math.trunc(ms)) * NANOS_PER_MS
}

/** Milliseconds since the Unix epoch, rounded down. */
export function timestampToMs(time: Timestamp): number {
  return Number(floorDiv(time, NANOS_PER_MS))
}

/** The same instant with the part below a second dropped, as pins are stored. */
export function truncateToSecond(time: Timestamp): Timestamp {
  return floorDiv(time, NANOS_PER_SECOND) * NANOS_PER_SECOND
}

/**
 * Prints an instant as RFC 3339 with up to nine fractional digits, trailing zeros removed, as Go does.
 *
 * @param offsetMinutes - how far the clock that is shown is ahead of UTC; `Z` for 0
 * @throws {RangeError} outside the years 0 to 9999, which RFC 3339 cannot write
 * @see http-apis.md §1.13
 */
export function formatTimestamp(time: Timestamp | undefined, offsetMinutes = 0): string {
  if (time === undefined) return ZERO_TIME_TEXT
  const shown = time + BigInt(offsetMinutes) * NANOS_PER_MINUTE
  const seconds = floorDiv(shown, NANOS_PER_SECOND)
  const nanos = shown - seconds * NANOS_PER_SECOND
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -5)
  if (!/^\d{4}-/.test(whole)) throw new RangeError(`RFC 3339 has no year ${whole.slice(0, 7)}`)
  const fraction = nanos === 0n ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`
  return `${whole}${fraction}${offsetText(offsetMinutes)}`
}

function offsetText(minutes: number): string {
  if (minutes === 0) return 'Z'
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${minutes < 0 ? '-' : '+'}${hours.toString().padStart(2, '0')}:${rest.toString().padStart(2, '0')}`
}

/** How many minutes the clock of an RFC 3339 text is ahead of UTC; 0 when it does not say. */
export function timestampOffset(text: string): number {
  const [, sign, hours, minutes] = OFFSET.exec(text) ?? []
  return sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
}

/**
 * Reads an RFC 3339 instant. Digits below a nanosecond are dropped.
 *
 * @returns `undefined` for Go's zero time
 * @throws {SyntaxError} when the text is not RFC 3339 or names a date that does not exist
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC3339.exec(text)
  if (match === null) throw new SyntaxError(timeComplaint(text))
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = ''] = match
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // Date rolls 31 February over to March; Go refuses it.
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day) || Number(hour) > 23) {
    throw new SyntaxError(timeComplaint(text))
  }
  const offsetMinutes = timestampOffset(text)
  const nanos = BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  const time = BigInt(date.getTime() - offsetMinutes * 60_000) * NANOS_PER_MS + nanos
  return time === ZERO_TIME_NANOS ? undefined : time
}

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b < 0n ? quotient - 1n : quotient
}
