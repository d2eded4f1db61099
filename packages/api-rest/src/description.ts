import { goJson } from '@cluster/http'
import { valueAnswer, type RestHandler } from './call.ts'
import { docsPage } from './docs-page.ts'
import { openApiDocument } from './open-api.ts'

/** The page may load nothing, run nothing and stand in no frame. */
const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
}

/** @see http-apis.md §9, wish 9 */
export const descriptionHandlers = {
  OpenApi: ({ tokens }) => valueAnswer(goJson(openApiDocument(tokens !== undefined))),

  Docs: () => new Response(docsPage(), { headers: pageHeaders })
} as const satisfies Record<string, RestHandler>
