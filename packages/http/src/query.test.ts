import { expect, test } from 'vitest'
import { cleanAbsolutePath, parseQuery, queryBoolean, queryInteger, queryUnescape } from './query.ts'

test('first value wins, + is a space, pairs with ; or a bad escape are dropped', () => {
  const query = parseQuery('a=1&a=2&b=x+y&c=%zz&d=1;e=2&f&g=%E2%82%AC&=empty&%3D=eq')
  expect(Object.fromEntries(query)).toEqual({ a: '1', b: 'x y', f: '', g: '€', '': 'empty', '=': 'eq' })
})

test('escapes', () => {
  expect(queryUnescape('a%2Fb')).toBe('a/b')
  expect(queryUnescape('100%')).toBeUndefined()
  expect(queryUnescape('%e2%82%ac+%41ü')).toBe('€ Aü')
  expect(queryUnescape('%ff')).toBe('\ufffd')
})

test('booleans and integers', () => {
  const query = parseQuery('a=true&b=T&c=0&d=yes&e=&f=+5&g=%2B5&h=-7&i=1.5&j=99999999999999999999')
  expect(['a', 'b', 'c', 'd', 'e', 'zz'].map((name) => queryBoolean(query, name))).toEqual([
    true,
    true,
    false,
    'invalid',
    undefined,
    undefined
  ])
  expect(['f', 'g', 'h', 'i', 'j', 'e'].map((name) => queryInteger(query, name))).toEqual([
    'invalid',
    5,
    -7,
    'invalid',
    'invalid',
    undefined
  ])
})

test('paths are cleaned as absolute ones', () => {
  expect(['', 'a', '/a/../b', '../../x', 'a//b/./c/', '..'].map(cleanAbsolutePath)).toEqual([
    '/',
    '/a',
    '/b',
    '/x',
    '/a/b/c',
    '/'
  ])
})
