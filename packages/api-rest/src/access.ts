import { ClusterError, parseDuration } from '@cluster/api'
import { goJson, isRight, RIGHTS, type Identity, type Right } from '@cluster/http'
import { emptyAnswer, orBadRequest, valueAnswer, type RestCall, type RestHandler } from './call.ts'
import { parseBody, readBody } from './read-body.ts'
import type { Tokens } from './tokens.ts'

/** @see http-apis.md §1.8; §9, wish 13 */
export const accessHandlers = {
  GetToken: (call) => {
    const { tokens, identity } = accessOf(call)
    const text = call.query.get('expires-in') ?? ''
    const wantedMs = text === '' ? undefined : orBadRequest('expires-in', () => parseDuration(text))
    return valueAnswer(goJson({ token: tokens.issue(identity, { wantedMs, rights: wantedRightsOf(call) }) }))
  },

  RevokeToken: async (call) => {
    const { tokens, identity } = accessOf(call)
    const body = await readBody(call)
    const token = body === '' ? identity.token : tokenOf(parseBody(body))
    if (token === undefined) throw new ClusterError('BAD_REQUEST', 'token: missing: send {"token":"…"} or use it')
    await tokens.revoke(identity, token)
    return emptyAnswer()
  }
} as const satisfies Record<string, RestHandler>

/** Rights by name, joined by commas. */
function wantedRightsOf({ query }: RestCall): ReadonlySet<Right> | undefined {
  const names = (query.get('rights') ?? '').split(',').filter((name) => name !== '')
  const wrong = names.find((name) => !isRight(name))
  if (wrong !== undefined) throw new ClusterError('BAD_REQUEST', `rights: ${wrong} is none of ${RIGHTS.join(', ')}`)
  return names.length === 0 ? undefined : new Set(names.filter(isRight))
}

function accessOf({ tokens, env }: RestCall): { tokens: Tokens; identity: Identity } {
  if (tokens !== undefined && env.identity !== undefined) return { tokens, identity: env.identity }
  throw new ClusterError('UNAUTHORIZED', 'unauthorized')
}

function tokenOf(json: unknown): string | undefined {
  const token = typeof json === 'object' && json !== null && 'token' in json ? json.token : undefined
  return typeof token === 'string' ? token : undefined
}
