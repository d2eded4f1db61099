import { ClusterError } from '@cluster/api'
import { hasRight, refusalOf, type Handler, type HandlerEnv, type Right } from '@cluster/http'
import { parseQuery } from '@cluster/wire'
import {
  emptyAnswer,
  errorAnswer,
  parseRequestId,
  valueAnswer,
  type ServiceHandler,
  type ServiceParts
} from './call.ts'
import { pinHandlers } from './pins.ts'

interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: RegExp
  readonly right: Right | 'none'
  readonly handler: ServiceHandler
}

const PINS = /^\/pins$/
const PIN = /^\/pins\/([^/]+)$/
const TOKEN = /^\/token$/
const HEALTH = /^\/health$/

const routes: readonly Route[] = [
  { method: 'GET', path: PINS, right: 'read', handler: pinHandlers.ListPins },
  { method: 'POST', path: PINS, right: 'pin', handler: pinHandlers.AddPin },
  { method: 'GET', path: PIN, right: 'read', handler: pinHandlers.GetPin },
  { method: 'POST', path: PIN, right: 'pin', handler: pinHandlers.ReplacePin },
  { method: 'DELETE', path: PIN, right: 'unpin-own', handler: pinHandlers.RemovePin },
  { method: 'POST', path: TOKEN, right: 'none', handler: getToken },
  { method: 'GET', path: HEALTH, right: 'none', handler: () => emptyAnswer(204) }
]
/** The methods that routes have. All others are wrong on every path that there is. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE'])
/** Paths on which a wrong method of those is answered with 405; elsewhere it is 404, as in the reference. */
const strict: Readonly<Record<string, RegExp>> = { POST: HEALTH, DELETE: /^\/(token|health)$/ }

/**
 * The routes of the Pinning Service API.
 *
 * @see http-apis.md §1.10, §6.2
 */
export function createRouter(parts: ServiceParts): Handler {
  return async (_request, env) => {
    try {
      return await answer(parts, env)
    } catch (error) {
      return errorAnswer(error, parts.log)
    }
  }
}

async function answer(parts: ServiceParts, env: HandlerEnv): Promise<Response> {
  const { method = '', url = '' } = env.incoming
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  const known = routes.filter((route) => route.path.test(path))
  const route = known.find((each) => each.method === method)
  if (route === undefined) {
    if (known.length > 0 && (!METHODS.has(method) || strict[method]?.test(path) === true)) {
      return new Response(null, { status: 405 })
    }
    throw new ClusterError('NOT_FOUND', 'not found')
  }
  const { right, handler } = route
  if (right !== 'none' && !hasRight(env.identity, right)) {
    throw new ClusterError('FORBIDDEN', refusalOf(env.identity, right))
  }
  const requestId = () => parseRequestId(decodeURIComponent(PIN.exec(path)?.[1] ?? ''))
  return handler({ ...parts, env, signal: env.signal, query: parseQuery(query), requestId })
}

/** @see http-apis.md §1.8 */
function getToken({ tokenOf, env: { identity } }: Parameters<ServiceHandler>[0]): Response {
  if (tokenOf === undefined || identity === undefined) throw new ClusterError('UNAUTHORIZED', 'unauthorized')
  return valueAnswer({ token: tokenOf(identity.user) })
}
