import { ClusterError, type Logger } from '@cluster/api'
import { hasRight, refusalOf, type Handler, type HandlerEnv } from '@cluster/http'
import { parseQuery, REST_KEY_TYPES, restRoutes, type RestRouteName } from '@cluster/wire'
import { Hono } from 'hono'
import { accessHandlers } from './access.ts'
import { addHandlers } from './add.ts'
import { errorAnswer, type RestCall, type RestHandler } from './call.ts'
import { descriptionHandlers } from './description.ts'
import { eventHandlers } from './events.ts'
import { healthHandlers } from './health.ts'
import { peerHandlers } from './peers.ts'
import { pinCountHandlers } from './pin-counts.ts'
import { pinHandlers } from './pins.ts'
import { statusHandlers } from './statuses.ts'
import { upkeepHandlers } from './upkeep.ts'

/** What the routes work with. */
export type RouterInit = Pick<RestCall, 'cluster' | 'log' | 'tokens' | 'clock' | 'self' | 'stopping' | 'hasOwners'>

const handlers: Readonly<Record<RestRouteName, RestHandler>> = {
  ...peerHandlers,
  ...pinHandlers,
  ...statusHandlers,
  ...healthHandlers,
  ...addHandlers,
  ...upkeepHandlers,
  ...accessHandlers,
  ...pinCountHandlers,
  ...eventHandlers,
  ...descriptionHandlers
}

/** The methods that routes have. All others are wrong on every path that there is. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE'])
/** Paths on which a wrong method of those is answered with 405; elsewhere it is 404, as in the reference. */
const strictPaths: Readonly<Record<string, RegExp>> = {
  POST: /^\/health$/,
  DELETE: /^\/(ipfs\/gc|health(\/(graph|alerts|bandwidth))?|monitor\/metrics(\/[^/]+)?|token)$/
}

/**
 * The routes of the REST API.
 *
 * @see http-apis.md §1.10, §3.1
 */
export function createRouter(init: RouterInit): Handler {
  const { log, clock } = init
  const app = new Hono<{ Bindings: HandlerEnv }>()
  for (const { name, method, path, right } of restRoutes) {
    app.on(method, patternOf(path), (c) => {
      const { env } = c
      if (right !== 'none' && !hasRight(env.identity, right)) {
        throw new ClusterError('FORBIDDEN', refusalOf(env.identity, right))
      }
      return handlers[name]({
        ...init,
        nowMs: clock.nowMs(),
        query: parseQuery(queryOf(env.incoming.url)),
        env,
        signal: env.signal,
        parameter: (key) => c.req.param(key) ?? ''
      })
    })
  }
  app.notFound((c) => refuse(c.env, c.req.path, log))
  app.onError((error) => errorAnswer(error, log))

  const known = restRoutes.map(
    ({ path }) => new RegExp(`^${path.replace(/\{path\}/, '.+').replace(/\{\w+\}/g, '[^/]+')}$`)
  )
  return (request, env) => {
    // Other methods never reach the routes: hono would answer HEAD like GET.
    if (METHODS.has(env.incoming.method ?? '')) return app.fetch(request, env)
    const path = pathOf(env.incoming.url)
    return known.some((pattern) => pattern.test(path)) ? wrongMethod(env.incoming.method) : notFound(log)
  }
}

/** A path of the table in the words of hono. */
function patternOf(path: string): string {
  return path
    .replace('{keyType}', `:keyType{${REST_KEY_TYPES.join('|')}}`)
    .replace('{path}', ':path{.+}')
    .replace(/\{(\w+)\}/g, ':$1')
}

const queryOf = (url = ''): string => (url.includes('?') ? url.slice(url.indexOf('?') + 1) : '')
const pathOf = (url = ''): string => url.split('?', 1)[0] ?? ''

function refuse({ incoming }: HandlerEnv, path: string, log: Logger): Response {
  return strictPaths[incoming.method ?? '']?.test(path) === true ? wrongMethod() : notFound(log)
}

const wrongMethod = (method = ''): Response =>
  new Response(null, { status: 405, headers: method === 'HEAD' ? {} : { 'Content-Length': '0' } })
const notFound = (log: Logger): Response => errorAnswer(new ClusterError('NOT_FOUND', 'not found'), log)
