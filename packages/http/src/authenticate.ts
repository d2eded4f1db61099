import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { commonRights, type Right, type UserRights } from './rights.ts'

const realm = 'realm="Restricted IPFS Cluster API"'

/** Why a request is refused. */
export interface Refusal {
  readonly status: 401
  readonly message: string
  /** Values of `WWW-Authenticate`, in order. */
  readonly challenges: readonly string[]
}

/** Who asks. */
export interface Identity {
  readonly user: string
  /** What they showed in place of the password. */
  readonly token?: string
  /** What they may do; without it everything. */
  readonly rights?: ReadonlySet<Right> | undefined
}

/** Looks at the credentials of a request; `undefined` lets it pass without any. */
export type Authenticator = (request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>) => Verdict | Promise<Verdict>

type Verdict = Refusal | Identity | undefined

type TokenVerdict = string | Pick<Identity, 'user' | 'rights'> | undefined

/** Who may use the API. */
export interface AuthenticatorOptions {
  /** User to password. */
  readonly credentials: ReadonlyMap<string, string>
  /**
   * The user of the token of `Authorization: Bearer`, with the rights that it carries, if any; without this every token
   * is refused.
   */
  readonly verifyToken?: (token: string) => TokenVerdict | Promise<TokenVerdict>
  /** Users who may not do everything. A token gives no more rights than its user has. */
  readonly rights?: UserRights
}

/**
 * Basic and Bearer authentication of the API. `OPTIONS` and `GET /health` pass without. The time that a check takes
 * does not depend on how much of a password is right.
 *
 * @see http-apis.md §1.7
 */
export function createAuthenticator({ credentials, verifyToken, rights }: AuthenticatorOptions): Authenticator {
  const known = [...credentials].filter(([user, password]) => user !== '' && password !== '').map(digestOf)
  const isKnown = (user: string, password: string): boolean => {
    const given = digestOf([user, password])
    return known.reduce((found, digest) => timingSafeEqual(digest, given) || found, false)
  }
  return (request) => {
    if (isExempt(request)) return undefined
    const header = request.headers.authorization ?? ''
    const basic = parseBasic(header)
    if (basic !== undefined) {
      return isKnown(basic.user, basic.password) ? limited(basic) : refuse('access denied', [`Basic ${realm}`])
    }
    const [, token] = /^bearer (.+)$/i.exec(header) ?? []
    if (token === undefined) return refuse('no auth provided', [`Bearer ${realm}`, `Basic ${realm}`])
    return judgeToken(token)
  }

  function limited({ user, rights: carried }: Pick<Identity, 'user' | 'rights'>): Identity {
    const common = commonRights(rights?.get(user), carried)
    return common === undefined ? { user } : { user, rights: common }
  }

  async function judgeToken(token: string): Promise<Verdict> {
    const found = await verifyToken?.(token)
    if (found !== undefined) return { ...limited(typeof found === 'string' ? { user: found } : found), token }
    return refuse('invalid token', [`Bearer ${realm}, error="invalid_token"`])
  }
}

function isExempt({ method, url = '' }: Pick<IncomingMessage, 'method' | 'url'>): boolean {
  return method === 'OPTIONS' || (method === 'GET' && url.split('?', 1)[0] === '/health')
}

function refuse(reason: string, challenges: readonly string[]): Refusal {
  return { status: 401, message: `unauthorized: ${reason}`, challenges }
}

/** `undefined` when it is not Basic, not base64 or has no colon. The password may contain colons. */
function parseBasic(header: string): { user: string; password: string } | undefined {
  const [, encoded] = /^basic (.*)$/i.exec(header) ?? []
  if (encoded === undefined || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) {
    return undefined
  }
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Of equal length whatever the password is; a user name has no colon, so pairs cannot be confused. */
function digestOf([user, password]: readonly [string, string]): Buffer {
  return hash('sha256', `${user}:${password}`, 'buffer')
}
