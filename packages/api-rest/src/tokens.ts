import { ClusterError } from '@cluster/api'
import {
  checkToken,
  commonRights,
  RIGHTS,
  signToken,
  type CheckedToken,
  type Identity,
  type Right
} from '@cluster/http'
import type { RevokedTokens } from './revoked-tokens.ts'

/** What tokens are made and checked with. */
export interface TokensInit {
  /** User to password. */
  readonly credentials: ReadonlyMap<string, string>
  /** How long tokens last, at most; 0 for ever, as in the reference. */
  readonly lifetimeMs: number
  readonly nowMs: () => number
  /** Makes the identifiers of tokens that differ. */
  readonly newId: () => string
  readonly revoked: RevokedTokens
}

/**
 * The tokens of the users.
 *
 * @see http-apis.md §1.7, §1.8; §9, wish 13
 */
export class Tokens {
  readonly #init: TokensInit

  constructor(init: TokensInit) {
    this.#init = init
  }

  /** The user of a token, and what it allows; `undefined` when it is not good, or revoked. */
  verify(token: string): CheckedToken | undefined {
    return this.#init.revoked.has(token) ? undefined : this.#check(token)
  }

  /**
   * A token for who asks. Without any expiry it is the one of the reference, always the same text, unless that one is
   * revoked. Who asks with a token gets none that lasts longer, and nobody gets one that allows more than they may.
   *
   * @param wanted - how long it shall last, and what it shall allow
   * @throws {ClusterError} `BAD_REQUEST` for a time that is not above 0, or longer than tokens may last
   */
  issue(
    { user, token, rights: own }: Identity,
    { wantedMs, rights: wanted }: { wantedMs?: number | undefined; rights?: ReadonlySet<Right> | undefined }
  ): string {
    const { credentials, lifetimeMs, nowMs, newId, revoked } = this.#init
    if (wantedMs !== undefined && wantedMs < 1000) {
      throw new ClusterError('BAD_REQUEST', 'expires-in: expected a second or more')
    }
    if (wantedMs !== undefined && lifetimeMs > 0 && wantedMs > lifetimeMs) {
      throw new ClusterError('BAD_REQUEST', `expires-in: tokens last ${lifetimeMs / 1000} s at most`)
    }
    const password = credentials.get(user) ?? ''
    const now = Math.floor(nowMs() / 1000)
    const longest = wantedMs ?? (lifetimeMs > 0 ? lifetimeMs : Infinity)
    const known = token === undefined ? undefined : this.#check(token)?.expiresAt
    const exp = Math.min(now + Math.floor(longest / 1000), known ?? Infinity)
    const common = commonRights(own, wanted)
    const claims = {
      iss: user,
      ...(common === undefined ? {} : { rights: RIGHTS.filter((right) => common.has(right)) })
    }
    if (exp < Infinity) return signToken({ ...claims, iat: now, exp, jti: newId() }, password)
    const plain = signToken(claims, password)
    return revoked.has(plain) ? signToken({ ...claims, jti: newId() }, password) : plain
  }

  /**
   * Takes a token of one's own back, for ever.
   *
   * @throws {ClusterError} `BAD_REQUEST` for a text that is no good token, `UNAUTHORIZED` for one of another user
   */
  async revoke({ user }: Identity, token: string): Promise<void> {
    const checked = this.#check(token)
    if (checked === undefined) throw new ClusterError('BAD_REQUEST', 'token: not a valid token, or expired')
    if (checked.user !== user) throw new ClusterError('UNAUTHORIZED', 'unauthorized: the token is of another user')
    await this.#init.revoked.add({ token, expiresAt: checked.expiresAt })
  }

  #check(token: string): CheckedToken | undefined {
    const { credentials, nowMs } = this.#init
    return checkToken(token, { credentials, nowMs: nowMs() })
  }
}
