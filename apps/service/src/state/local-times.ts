import { ZERO_TIME_TEXT } from '@cluster/api'

const [EXPIRE_AT, TIMESTAMP] = ['"expire_at":"', '"timestamp":"']

/**
 * The line of a pin with its times in the offset of this machine, as the reference writes dumps. Time of expiry comes
 * before anything that a user may have named likewise, the timestamp behind it.
 *
 * @see cli-config.md §5.1
 */
export function localTimes(line: string): string {
  return localTimeAt(
    localTimeAt(line, line.lastIndexOf(TIMESTAMP) + TIMESTAMP.length),
    line.indexOf(EXPIRE_AT) + EXPIRE_AT.length
  )
}

function localTimeAt(line: string, start: number): string {
  const end = line.indexOf('"', start)
  const text = line.slice(start, end)
  if (text === ZERO_TIME_TEXT) return line
  const time = new Date(text)
  const minutes = -time.getTimezoneOffset()
  if (minutes === 0) return line
  const two = (value: number): string => Math.trunc(value).toString().padStart(2, '0')
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`
  const local = new Date(time.getTime() + minutes * 60_000).toISOString().slice(0, 19)
  return line.slice(0, start) + local + offset + line.slice(end)
}
