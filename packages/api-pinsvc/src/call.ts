import {
  ClusterError,
  isClusterError,
  type Clock,
  type Cluster,
  type ErrorCode,
  type Guarded,
  type Logger
} from '@cluster/api'
import { goJson, hasRight, mayChange, OWNER_KEY, type HandlerEnv } from '@cluster/http'
import type { AbortOptions } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import type { ListQuery } from './list-query.ts'
import { orBad } from './list-query.ts'
import type { Listed } from './newest-first.ts'
import { failureBody } from './pin-status.ts'
import type { RecentChanges } from './recent-changes.ts'

/** What the routes work with. */
export interface ServiceParts {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Logger
  readonly recent: RecentChanges
  /** Answers listings that are not of some CIDs only. */
  readonly list: (query: ListQuery, options: AbortOptions) => Promise<Listed>
  /** Makes a token for a user; absent where nobody has to authenticate. */
  readonly tokenOf: ((user: string) => string) | undefined
}

/** One request as the handler of its route sees it. */
export interface ServiceCall extends ServiceParts {
  readonly env: HandlerEnv
  readonly signal: AbortSignal
  readonly query: ReadonlyMap<string, string>
  /** The request ID of the path. @throws {ClusterError} `BAD_REQUEST` */
  readonly requestId: () => CID
}

/** Answers a request of one route; what it throws becomes the error body. */
export type ServiceHandler = (call: ServiceCall) => Response | Promise<Response>

/** The text by which Go peers tell a missing pin, also after it has travelled through other peers. */
const NOT_PINNED = 'pin is not part of the pinset'
const statuses: Partial<Record<ErrorCode, number>> = {
  BAD_REQUEST: 400,
  LIMIT: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_IN_PINSET: 404,
  NOT_FOUND: 404
}
const jsonHeaders = { 'Content-Type': 'application/json' }

/** One JSON value. */
export function valueAnswer(value: unknown, status = 200): Response {
  return new Response(`${goJson(value)}\n`, { status, headers: jsonHeaders })
}

/** Nothing to say. */
export function emptyAnswer(status: number): Response {
  return new Response(null, { status, headers: jsonHeaders })
}

/** The error body, which is logged as well. */
export function errorAnswer(error: unknown, log: Logger): Response {
  const message = error instanceof Error ? error.message : String(error)
  const status = message === NOT_PINNED ? 404 : isClusterError(error) ? (statuses[error.code] ?? 500) : 500
  log.error(`sending error response: ${status}: ${message}`)
  return new Response(failureBody(message), { status, headers: jsonHeaders })
}

/** A request ID, which is a CID. */
export function parseRequestId(text: string): CID {
  return orBad('error decoding requestID', () => CID.parse(text))
}

/** Lets users without all rights change pins of their own only. */
export function guardOf({ env: { identity } }: ServiceCall): Guarded {
  if (identity === undefined || hasRight(identity, 'admin')) return {}
  return {
    guard: (existing) => {
      if (mayChange(identity, existing)) return
      throw new ClusterError('FORBIDDEN', `forbidden: ${identity.user} may only change pins of their own`)
    }
  }
}

/** The metadata of a new pin: those of the client, and its name where it may not do everything. */
export function ownedMeta(
  { env: { identity } }: ServiceCall,
  meta: ReadonlyMap<string, string>
): ReadonlyMap<string, string> {
  if (identity === undefined || hasRight(identity, 'admin')) return meta
  return new Map([...meta, [OWNER_KEY, identity.user]])
}
