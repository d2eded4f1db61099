import type { RestParameter } from './rest-parameters.ts'

/** How a route answers when it succeeds. */
export type RestAnswer =
  /** One JSON value with status 200. */
  | 'json'
  /** Newline-delimited JSON with status 200, errors in the trailer `X-Stream-Error`; 204 when there is no item. */
  | 'stream'
  /** Status 204 without a body. */
  | 'empty'
  /** One page for a browser. */
  | 'page'
  /** Server-sent events, `text/event-stream`, until the client leaves. */
  | 'events'

/**
 * What users may do. `unpin-own` is for pins whose metadata name the user as `owner`; `admin` is everything. Routes
 * that need `none` are for everybody who is known.
 *
 * @see http-apis.md §9, wish 3
 */
export type RestRight = 'none' | 'read' | 'add' | 'pin' | 'unpin-own' | 'admin'

/** One route of the REST API. */
export interface RestRoute {
  /** The name, as logs and metrics give it. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Parts in braces are parameters; `{path}` takes the rest of the path with its slashes and may be empty. */
  readonly path: string
  readonly answer: RestAnswer
  /** What a user must be allowed to do, where users have rights. */
  readonly right: RestRight
  /** What it does, in one sentence. */
  readonly about: string
  /** Type of the value, or of each item of a stream, in the description of the API; absent: no fixed one. */
  readonly value?: string
  readonly query?: readonly RestParameter[]
}
