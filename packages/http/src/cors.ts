import type { IncomingMessage, ServerResponse } from 'node:http'

/** Lists and switches of cross-origin access, as configured. */
export interface CorsOptions {
  /** Origins, with at most one `*` in each; empty or `*` = any. */
  readonly allowedOrigins: readonly string[]
  /** Methods, compared exactly; empty = GET, POST, HEAD. */
  readonly allowedMethods: readonly string[]
  /** Request headers; empty = accept, content-type, x-requested-with; `*` = any. */
  readonly allowedHeaders: readonly string[]
  readonly exposedHeaders: readonly string[]
  readonly allowCredentials: boolean
  /** How long a browser may keep a preflight, in seconds; 0 = say nothing. */
  readonly maxAgeSeconds: number
}

/** Writes the CORS headers of one request; `true` when it was a preflight, which is then answered. */
export type Cors = (request: IncomingMessage, response: ServerResponse) => boolean

const preflightVary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

/**
 * Cross-origin rules with the semantics of the reference's library (rs/cors 1.11). They tell browsers what they may
 * read; they never stop a request.
 *
 * @see http-apis.md §1.9
 */
export function createCors(options: CorsOptions): Cors {
  const anyOrigin = options.allowedOrigins.length === 0 || options.allowedOrigins.includes('*')
  const origins = options.allowedOrigins.map((origin) => origin.toLowerCase().split('*', 2))
  const methods = new Set(options.allowedMethods.length === 0 ? ['GET', 'POST', 'HEAD'] : options.allowedMethods)
  methods.add('OPTIONS')
  const anyHeader = options.allowedHeaders.includes('*')
  const headers = new Set(
    options.allowedHeaders.length === 0
      ? ['accept', 'content-type', 'x-requested-with']
      : options.allowedHeaders.map((name) => name.toLowerCase())
  )
  const exposed = options.exposedHeaders.map(canonicalHeader).join(', ')

  const isOriginAllowed = (origin: string): boolean => {
    if (anyOrigin) return true
    const lower = origin.toLowerCase()
    return origins.some(([prefix = '', suffix]) => {
      if (suffix === undefined) return lower === prefix
      return lower.length >= prefix.length + suffix.length && lower.startsWith(prefix) && lower.endsWith(suffix)
    })
  }
  const areHeadersAllowed = (list: string): boolean => {
    if (anyHeader) return true
    const names = list.split(',').map((name, i) => (i > 0 && name.startsWith(' ') ? name.slice(1) : name))
    return names.every((name, i) => headers.has(name) && (i === 0 || name > (names[i - 1] ?? '')))
  }
  const allowOrigin = (response: ServerResponse, origin: string): void => {
    response.setHeader('Access-Control-Allow-Origin', anyOrigin ? '*' : origin)
    if (options.allowCredentials) response.setHeader('Access-Control-Allow-Credentials', 'true')
  }

  return (request, response) => {
    const { origin = '' } = request.headers
    const requested = request.headers['access-control-request-method'] ?? ''
    const method = request.method ?? ''
    if (method !== 'OPTIONS' || requested === '') {
      response.setHeader('Vary', 'Origin')
      if (origin !== '' && isOriginAllowed(origin) && methods.has(method)) {
        allowOrigin(response, origin)
        if (exposed !== '') response.setHeader('Access-Control-Expose-Headers', exposed)
      }
      return false
    }
    response.setHeader('Vary', preflightVary)
    const wanted = request.headers['access-control-request-headers'] ?? ''
    const isAllowed =
      origin !== '' && isOriginAllowed(origin) && methods.has(requested) && (wanted === '' || areHeadersAllowed(wanted))
    if (isAllowed) {
      allowOrigin(response, origin)
      response.setHeader('Access-Control-Allow-Methods', requested)
      if (wanted !== '') response.setHeader('Access-Control-Allow-Headers', wanted)
      if (options.maxAgeSeconds > 0) response.setHeader('Access-Control-Max-Age', String(options.maxAgeSeconds))
    }
    response.writeHead(204).end()
    return true
  }
}

function canonicalHeader(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
