import type { restRoutes, RestRouteName } from '@cluster/wire'
import type { AbortOptions } from '@libp2p/interface'
import type { CallInit } from './rest-caller.ts'

type Route<N extends RestRouteName> = Extract<(typeof restRoutes)[number], { readonly name: N }>

/** Routes that answer one JSON value, or none. */
export type ValueRouteName = Extract<(typeof restRoutes)[number], { readonly answer: 'json' | 'empty' }>['name']
/** Routes that answer a listing. */
export type StreamRouteName = Extract<(typeof restRoutes)[number], { readonly answer: 'stream' }>['name']

type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never

/** The names of the parameters in the path of a route. */
export type PathParameter<N extends RestRouteName> = NamesIn<Route<N>['path']>

/** Parameters of a query by name. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** What a call adds to its route; what the path of the route needs is checked by the compiler. */
export type RouteRequest<N extends RestRouteName> = AbortOptions & {
  /** Parameters of the query; those without a value are left out. */
  readonly query?: Query
  /** Sent as JSON. */
  readonly body?: unknown
} & ([PathParameter<N>] extends [never]
    ? { readonly parameters?: undefined }
    : { readonly parameters: Readonly<Record<PathParameter<N>, string>> })

/** A {@link RouteRequest} of any route. */
interface AnyRequest extends AbortOptions {
  readonly parameters?: Readonly<Record<string, string>> | undefined
  readonly query?: Query
  readonly body?: unknown
}

/** A request as the caller of routes wants it. */
export function callInitOf({ parameters = {}, query = {}, body, signal }: AnyRequest): CallInit {
  const json = body === undefined ? {} : { body: JSON.stringify(body), contentType: 'application/json' }
  return { parameters, query: queryText(query), ...json, signal }
}

/** Parameters as text; those without a value are left out. */
export function queryText(query: Query): string {
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) text.append(name, String(value))
  return text.toString()
}
