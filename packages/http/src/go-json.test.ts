import { expect, test } from 'vitest'
import { goJson } from './go-json.ts'
import { errorBody, jsonResponse } from './respond.ts'

test('bigints are bare digits, HTML characters and line separators escaped', () => {
  expect(goJson({ n: 2n ** 63n, t: '<a&b>\u2028\u2029"', l: [1n, null], u: undefined })).toBe(
    '{"n":9223372036854775808,"t":"\\u003ca\\u0026b\\u003e\\u2028\\u2029\\"","l":[1,null]}'
  )
  expect(goJson(undefined)).toBe('null')
})

test('responses end with a line end; no value is 204', async () => {
  const some = jsonResponse({ a: 1 }, { headers: { 'X-Y': 'z' } })
  expect([some.status, some.headers.get('content-type'), some.headers.get('x-y'), await some.text()]).toEqual([
    200,
    'application/json',
    'z',
    '{"a":1}\n'
  ])
  const none = jsonResponse(undefined)
  expect([none.status, none.body, none.headers.get('content-type')]).toEqual([204, null, 'application/json'])
  expect(errorBody(404, 'a "b"')).toBe('{"code":404,"message":"a \\"b\\""}\n')
})
