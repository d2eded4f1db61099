import { goJson } from './go-json.ts'

/**
 * A value as JSON with a final line end; no value gives 204 without a body.
 *
 * @see http-apis.md §1.11
 */
export function jsonResponse(
  value: unknown,
  init: { status?: number; headers?: Readonly<Record<string, string>> } = {}
): Response {
  const headers = new Headers(init.headers)
  headers.set('Content-Type', 'application/json')
  if (value === undefined) return new Response(null, { status: init.status ?? 204, headers })
  return new Response(`${goJson(value)}\n`, { status: init.status ?? 200, headers })
}

/** The error body of the REST API, `{"code":…,"message":…}` and a line end: http-apis.md §2.13. */
export function errorBody(status: number, message: string): string {
  return `${goJson({ code: status, message })}\n`
}
