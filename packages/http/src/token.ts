import { createHmac, timingSafeEqual } from 'node:crypto'
import { isRight, type Right } from './rights.ts'

/** What a token says. Times are seconds since 1970. */
export interface TokenClaims {
  /** The user whose password signs the token. */
  readonly iss: string
  /** The token is refused from then on. */
  readonly exp?: number
  readonly iat?: number
  /** Makes tokens differ that otherwise say the same. */
  readonly jti?: string
  /** What who shows the token may do, at most; without it all that the user may. */
  readonly rights?: readonly Right[]
}

/** A token that was found to be good. */
export interface CheckedToken {
  readonly user: string
  /** Seconds since 1970; `undefined` when it does not expire. */
  readonly expiresAt: number | undefined
  /** What it allows, at most; `undefined` for all that the user may. */
  readonly rights?: ReadonlySet<Right> | undefined
}

/** What tokens are checked against. */
export interface TokenCheck {
  /** User to password. Users without a password have no tokens. */
  readonly credentials: ReadonlyMap<string, string>
  readonly nowMs: number
}

/** Hash functions of the only signatures that are taken. */
const algorithms: ReadonlyMap<unknown, string> = new Map([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512']
])

/**
 * A JSON Web Token with the signature HS256. The same claims and password always make the same text.
 *
 * @see http-apis.md §1.8
 */
export function signToken(claims: TokenClaims, password: string): string {
  const head = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${head}.${createHmac('sha256', password).update(head).digest('base64url')}`
}

/**
 * Checks a JSON Web Token: signature of the HMAC family with the password of the user named by `iss`, and `exp`, `nbf`
 * and `iat` where present. `undefined` when it is not good, for whatever reason. A token has one text only: other
 * spellings of the same bytes are refused, so that a revoked text cannot be written differently.
 *
 * @see http-apis.md §1.7
 */
export function checkToken(token: string, { credentials, nowMs }: TokenCheck): CheckedToken | undefined {
  const [header = '', payload = '', signature = '', ...more] = token.split('.')
  const claims = decode(payload)
  const algorithm = algorithms.get(decode(header)?.['alg'])
  if (more.length > 0 || claims === undefined || algorithm === undefined) return undefined
  const { iss } = claims
  const password = typeof iss === 'string' && iss !== '' ? (credentials.get(iss) ?? '') : ''
  // Signed even when nobody is called so: who measures the time learns no names.
  const wanted = createHmac(algorithm, password).update(`${header}.${payload}`).digest('base64url')
  if (!isSameText(wanted, signature) || typeof iss !== 'string' || password === '') return undefined
  const times = { exp: timeOf(claims['exp']), nbf: timeOf(claims['nbf']), iat: timeOf(claims['iat']) }
  const { exp, nbf, iat } = times
  if (exp === 'bad' || nbf === 'bad' || iat === 'bad') return undefined
  const now = nowMs / 1000
  if ((exp !== undefined && now >= exp) || (nbf !== undefined && now < nbf)) return undefined
  if (iat !== undefined && now < iat) return undefined
  const rights = rightsOf(claims['rights'])
  return rights === undefined ? { user: iss, expiresAt: exp } : { user: iss, expiresAt: exp, rights }
}

/** Names that are not known allow nothing, and neither does anything but a list. */
function rightsOf(claim: unknown): ReadonlySet<Right> | undefined {
  if (claim === undefined) return undefined
  return new Set(Array.isArray(claim) ? claim.filter(isRight) : [])
}

function isSameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** An object in base64url, `undefined` when it is anything else. */
function decode(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Seconds as a number or as the text of one; absent and 0 mean that there is no such time. */
function timeOf(value: unknown): number | undefined | 'bad' {
  if (value === undefined) return undefined
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')
  const seconds = isNumeric ? Number(value) : NaN
  if (!Number.isFinite(seconds)) return 'bad'
  return seconds === 0 ? undefined : seconds
}
