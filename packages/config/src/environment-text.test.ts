import { describe, expect, it } from 'vitest'
import { assignmentError, readBoolean, readFloat, readInteger, readList, readMap } from './environment-text.ts'

describe('the text of an environment variable', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['+5', 5],
    ['-7', -7],
    ['1_000', 1000],
    ['0x1f', 31],
    ['-0b11', -3],
    ['0o17', 15],
    ['017', 15]
  ])('%s is the number %i', (text, value) => {
    expect(readInteger(text)).toBe(value)
  })

  it.each(['', ' 5', '5 ', '1.5', '1e3', '0x', '_1', '1__0', '08', '--1', 'x'])('%j is no whole number', (text) => {
    expect(() => readInteger(text)).toThrow(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  })

  it('knows the range of numbers, and that an unsigned one has no sign', () => {
    expect(() => readInteger('99999999999999999999')).toThrow('value out of range')
    expect(() => readInteger('-1', true)).toThrow('strconv.ParseUint: parsing "-1": invalid syntax')
    expect(() => readFloat('1e999')).toThrow('value out of range')
  })

  it('is a floating-point number, a boolean, a list or a map', () => {
    expect(['1e-3', '.5', '-2.'].map(readFloat)).toEqual([0.001, 0.5, -2])
    expect(() => readFloat('')).toThrow('strconv.ParseFloat: parsing "": invalid syntax')
    expect([readBoolean('T'), readBoolean('0')]).toEqual([true, false])
    expect(() => readBoolean('yes')).toThrow('strconv.ParseBool: parsing "yes": invalid syntax')
    expect([readList(' '), readList(','), readList('a, b')]).toEqual([[], ['', ''], ['a', ' b']])
    expect(readMap('a:1,:b')).toEqual([
      ['a', '1'],
      ['', 'b']
    ])
    expect(() => readMap('a:b:c')).toThrow('invalid map item: "a:b:c"')
  })

  it('is named as Go names the field', () => {
    const text = assignmentError('CLUSTER_X_NODEHTTPS', 'node_https', 'x', 'bool', 'why')
    expect(text).toBe(
      "envconfig.Process: assigning CLUSTER_X_NODEHTTPS to NodeHTTPS: converting 'x' to type bool. details: why"
    )
  })
})
