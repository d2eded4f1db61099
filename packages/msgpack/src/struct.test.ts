import { describe, expect, it } from 'vitest'
import { always, array, decode, empty, encode, field, int, map, mapped, string, struct, time } from './index.ts'

interface Inner {
  readonly list: readonly string[] | undefined
  readonly count: number
}
interface Outer {
  readonly name: string
  readonly inner: Inner
  readonly labels: ReadonlyMap<string, string> | undefined
  readonly when: bigint | undefined
  readonly kept: number
}
const inner = struct<Inner>({ list: field('l', array(string)), count: field('c', int) })
const outer = struct<Outer>({
  name: field('n', string),
  inner: field('i', inner),
  labels: field('labels-by-name', map(string)),
  when: field('w', time),
  kept: always('k', int)
})
const nothing: Outer = {
  name: '',
  inner: { list: undefined, count: 0 },
  labels: undefined,
  when: undefined,
  kept: 0
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const read = (text: string): Outer => decode(outer, Buffer.from(text, 'hex'))

describe('struct', () => {
  it('leaves zero fields out and writes those marked always', () => {
    expect(hex(encode(outer, nothing))).toBe('81a16b00')
  })

  it('tells an empty list from an absent one, also when a struct is asked whether it is zero', () => {
    const value = { ...nothing, inner: { list: [], count: 0 } }
    expect(hex(encode(outer, value))).toBe('82a16981a16c90a16b00')
    expect(read('82a16981a16c90a16b00')).toStrictEqual(value)
    expect(read('81a16b00')).toStrictEqual(nothing)
  })

  it('finds keys of any length, in any text form', () => {
    const value = { ...nothing, labels: new Map([['a', 'b']]) }
    const written = hex(encode(outer, value))
    expect(written).toContain(Buffer.from('labels-by-name').toString('hex'))
    expect(read(written)).toStrictEqual(value)
    expect(read('81c4016b05')).toStrictEqual({ ...nothing, kept: 5 })
    expect(read('81916b05')).toStrictEqual({ ...nothing, kept: 5 })
  })

  it('skips unknown keys, takes the last of two, and nil for zero', () => {
    expect(read('84a17a93010203a16b01a16ec0a16b02')).toStrictEqual({ ...nothing, kept: 2 })
    expect(read('c0')).toStrictEqual(nothing)
    expect(read('81c001')).toStrictEqual(nothing)
  })

  it('reads an array by position and skips what is too much', () => {
    expect(read('92a16192c007')).toStrictEqual({ ...nothing, name: 'a', inner: { list: undefined, count: 7 } })
    expect(read('96a161c0c0c00581a17801')).toStrictEqual({ ...nothing, name: 'a', kept: 5 })
  })

  it('makes new objects for each value', () => {
    expect(read('80').inner).not.toBe(read('80').inner)
  })

  it('passes through a mapped codec', () => {
    const upper = mapped(
      string,
      (text) => text.toUpperCase(),
      (text) => text.toLowerCase()
    )
    const codec = struct<{ readonly a: string }>({ a: field('a', upper) })
    expect(hex(encode(codec, { a: 'X' }))).toBe('81a161a178')
    expect(hex(encode(codec, { a: '' }))).toBe('80')
    expect(decode(codec, Buffer.from('81a161a178', 'hex'))).toEqual({ a: 'X' })
    expect(decode(codec, Buffer.from('80', 'hex'))).toEqual({ a: '' })
  })

  it('has a codec for no value at all', () => {
    expect(hex(encode(empty, undefined))).toBe('80')
    const values = decode(array(empty), Buffer.from('9381a16101c09101', 'hex'))
    expect(values).toEqual([undefined, undefined, undefined])
  })
})
