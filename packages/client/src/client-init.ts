// Bundles for browsers get ./fetch-transport.ts in its place, by the field `browser` of package.json.
import { defaultTransport } from './node-transport.ts'
import { redirected } from './redirected.ts'
import { RestCaller } from './rest-caller.ts'
import { severalHosts, type SeveralHostsOptions } from './several-hosts.ts'
import type { Transport } from './transport.ts'

/** Where the API is, and who asks. */
export interface ClusterClientInit extends SeveralHostsOptions {
  /**
   * Such as `http://127.0.0.1:9094`; a path in front of the routes is kept. Of several, the next one is asked when one
   * gives no answer.
   */
  readonly url: string | URL | readonly (string | URL)[]
  /** With a password: basic authentication. */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** In place of user and password: a token, as `token()` gives it. */
  readonly token?: string | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** How requests travel; the one of the platform unless given. */
  readonly transport?: Transport
}

/** What a client calls its routes with. */
export function callerOf(init: ClusterClientInit): RestCaller {
  const { url, username = '', password = '', token = '', headers = {}, order, attempts } = init
  const transport = redirected(init.transport ?? defaultTransport())
  const credentials = token !== '' ? `Bearer ${token}` : username !== '' ? basicAuth(username, password) : undefined
  const all = credentials === undefined ? headers : { ...headers, authorization: credentials }
  const [first, ...others] = [url].flat().map((text) => new URL(text))
  if (first === undefined) throw new RangeError('there is no host')
  if (others.length === 0) return new RestCaller(first, all, transport)
  const endpoints = [first, ...others].map((one) => ({ url: one, transport }))
  const options = { ...(order === undefined ? {} : { order }), ...(attempts === undefined ? {} : { attempts }) }
  return new RestCaller(new URL('http://cluster'), all, severalHosts(endpoints, options))
}

function basicAuth(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}
