import { describe, expect, it } from 'vitest'
import {
  checkToken,
  commonRights,
  createAuthenticator,
  hasRight,
  mayChange,
  RIGHTS,
  signToken,
  userRights
} from './index.ts'

const credentials = new Map([
  ['admin', 'secret'],
  ['bob', 'word']
])
const rights = userRights({ bob: ['read', 'pin'] }, credentials)
const authenticate = createAuthenticator({
  credentials,
  rights,
  verifyToken: (token) => checkToken(token, { credentials, nowMs: 0 })
})
const ask = (authorization: string) => authenticate({ method: 'GET', url: '/id', headers: { authorization } })
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`

describe('rights of users', () => {
  it('are those of the configuration, or all', async () => {
    expect(await ask(basic('bob:word'))).toEqual({ user: 'bob', rights: new Set(['read', 'pin']) })
    expect(await ask(basic('admin:secret'))).toEqual({ user: 'admin' })
  })

  it('are limited by a token, and never widened', async () => {
    const token = (user: string, claim: unknown) =>
      signToken({ iss: user, rights: claim as never }, credentials.get(user) ?? '')
    const seen = async (user: string, claim: unknown) => await ask(`Bearer ${token(user, claim)}`)
    expect(await seen('admin', ['read'])).toMatchObject({ user: 'admin', rights: new Set(['read']) })
    expect(await seen('bob', ['read', 'admin'])).toMatchObject({ rights: new Set(['read', 'pin']) })
    expect(await seen('bob', ['add', 'pin'])).toMatchObject({ rights: new Set(['pin']) })
    expect(await seen('bob', undefined)).toMatchObject({ rights: new Set(['read', 'pin']) })
    for (const claim of ['read', null, {}, ['write']]) {
      expect(await seen('admin', claim)).toMatchObject({ rights: new Set() })
    }
  })

  it('need names that exist', () => {
    const error = { code: 'BAD_RIGHTS' }
    expect(() => userRights({ eve: ['read'] }, credentials)).toThrow(expect.objectContaining(error))
    expect(() => userRights({ bob: ['read', 'fly'] }, credentials)).toThrow('"fly" is none of read, add, pin')
  })

  it('are checked one by one; admin has all', () => {
    const allowed = (identity: Parameters<typeof hasRight>[0]) => RIGHTS.filter((right) => hasRight(identity, right))
    expect(allowed(undefined)).toEqual(RIGHTS)
    expect(allowed({})).toEqual(RIGHTS)
    expect(allowed({ rights: new Set(['admin']) })).toEqual(RIGHTS)
    expect(allowed({ rights: new Set(['unpin-own', 'read']) })).toEqual(['read', 'unpin-own'])
    expect(allowed({ rights: new Set() })).toEqual([])
  })

  it('to change a pin have its owner, and who may do everything', () => {
    const bobs = { metadata: new Map([['owner', 'bob']]) }
    const bob = { user: 'bob', rights: new Set(['pin'] as const) }
    expect([mayChange(bob, bobs), mayChange(bob, undefined), mayChange(undefined, bobs)]).toEqual([true, true, true])
    expect(mayChange({ user: 'admin' }, bobs)).toBe(true)
    expect(mayChange({ ...bob, user: 'eve' }, bobs)).toBe(false)
    expect(mayChange(bob, { metadata: undefined })).toBe(false)
  })

  it('in common are those of both', () => {
    const [admin, reader] = [new Set(['admin'] as const), new Set(['read'] as const)]
    expect(commonRights(undefined, undefined)).toBeUndefined()
    expect(commonRights(undefined, reader)).toBe(reader)
    expect(commonRights(admin, reader)).toBe(reader)
    expect(commonRights(reader, admin)).toBe(reader)
    expect(commonRights(reader, new Set(['pin'] as const))).toEqual(new Set())
  })
})
