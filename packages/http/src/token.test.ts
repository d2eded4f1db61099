import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { checkToken, signToken } from './token.ts'

const credentials = new Map([
  ['admin', 'secret'],
  ['bob', 'pa:ss:wörd'],
  ['nobody', '']
])
const nowMs = 1_000_000_000
const check = (token: string) => checkToken(token, { credentials, nowMs })

/** Signed by the rules, whatever it says. */
function forge(header: unknown, payload: unknown, key = 'secret', algorithm = 'sha256'): string {
  const head = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${head}.${createHmac(algorithm, key).update(head).digest('base64url')}`
}
const HS256 = { alg: 'HS256' }

describe('tokens', () => {
  test('are those of the reference, and are read back', () => {
    const token = signToken({ iss: 'admin' }, 'secret')
    expect(token).toBe(
      'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhZG1pbiJ9.M6IlVhzrvxAzhBmZ2XudPr_8WShHZR64S4kzrhKnLkE'
    )
    expect(check(token)).toEqual({ user: 'admin', expiresAt: undefined })
    expect(check(signToken({ iss: 'bob', exp: 1_000_001 }, 'pa:ss:wörd'))).toEqual({
      user: 'bob',
      expiresAt: 1_000_001
    })
  })

  test.each([
    ['not a token', 'abc'],
    ['four parts', `${signToken({ iss: 'admin' }, 'secret')}.x`],
    ['padding', `${signToken({ iss: 'admin' }, 'secret')}=`],
    ['other last bits', signToken({ iss: 'admin' }, 'secret').replace(/E$/, 'F')],
    ['no signature', signToken({ iss: 'admin' }, 'secret').replace(/[^.]*$/, '')],
    ['key of another', signToken({ iss: 'admin' }, 'pa:ss:wörd')],
    ['unknown user', signToken({ iss: 'eve' }, 'secret')],
    ['unknown user, empty key', signToken({ iss: 'eve' }, '')],
    ['user without password', signToken({ iss: 'nobody' }, '')],
    ['no user', forge(HS256, {})],
    ['user that is no text', forge(HS256, { iss: ['admin'] })],
    ['list', forge(HS256, ['admin'])],
    ['null', forge(HS256, null)],
    ['RS256', forge({ alg: 'RS256' }, { iss: 'admin' })],
    ['none', forge({ alg: 'none' }, { iss: 'admin' })],
    ['name of another hash', forge({ alg: 'HS512' }, { iss: 'admin' })],
    ['just expired', signToken({ iss: 'admin', exp: 1_000_000 }, 'secret')],
    ['not yet valid', forge(HS256, { iss: 'admin', nbf: 1_000_001 })],
    ['made later', forge(HS256, { iss: 'admin', iat: 1_000_001 })],
    ['time that is none', forge(HS256, { iss: 'admin', exp: 'never' })],
    ['time that is an object', forge(HS256, { iss: 'admin', exp: {} })]
  ])('are refused: %s', (_, token) => {
    expect(check(token)).toBeUndefined()
  })

  test.each([
    ['HS384', forge({ alg: 'HS384' }, { iss: 'admin' }, 'secret', 'sha384')],
    ['HS512', forge({ alg: 'HS512' }, { iss: 'admin' }, 'secret', 'sha512')],
    ['times as text', forge(HS256, { iss: 'admin', exp: '1000001', nbf: '1000000' })],
    ['no expiry', forge(HS256, { iss: 'admin', exp: 0 })]
  ])('are taken: %s', (_, token) => {
    expect(check(token)?.user).toBe('admin')
  })
})
