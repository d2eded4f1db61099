import { mapped } from '@cluster/msgpack'
import type { Form } from './form.ts'
import { string } from './scalars.ts'

/** A word of a fixed set; another one, of a later version, reads as the last resort. */
export function oneOf<T extends string>(words: readonly T[], lastResort: T): Form<T> {
  const wordOf = (text: string): T => words.find((word) => word === text) ?? lastResort
  return {
    msgpack: mapped(string.msgpack, wordOf, (value) => value),
    json: { ...string.json, read: (json) => wordOf(string.json.read(json)), zero: () => lastResort }
  }
}

/** A word of a fixed set, or none; another one, of a later version, reads as the last resort. */
export function oneOfOrNone<T extends string>(words: readonly T[], lastResort: T): Form<T | undefined> {
  const wordOf = (text: string): T | undefined =>
    text === '' ? undefined : (words.find((word) => word === text) ?? lastResort)
  return {
    msgpack: mapped(string.msgpack, wordOf, (value) => value ?? ''),
    json: {
      print: (value) => string.json.print(value ?? ''),
      read: (json) => wordOf(string.json.read(json)),
      isEmpty: (value) => value === undefined,
      zero: () => undefined
    }
  }
}
