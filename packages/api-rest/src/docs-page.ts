import { CLUSTER_VERSION } from '@cluster/api'
import { restRoutes, type RestRoute } from '@cluster/wire'

/**
 * The description of the API as one page that needs nothing else: no script, no network.
 *
 * @see http-apis.md §9, wish 9
 */
export function docsPage(): string {
  const routes: readonly RestRoute[] = restRoutes
  const groups = Map.groupBy(routes, ({ path }) => path.split('/')[1] ?? '')
  const sections = [...groups].map(([name, group]) => `<h2>${escape(name)}</h2>\n${group.map(routeOf).join('\n')}`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>IPFS Cluster REST API</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
details { border-bottom: 1px solid #8884; padding: .4rem 0 }
summary { cursor: pointer }
code, b { font-family: ui-monospace, monospace }
b { display: inline-block; min-width: 4.5rem }
td { padding: .1rem 1rem .1rem 0; vertical-align: top }
</style>
</head>
<body>
<h1>IPFS Cluster REST API</h1>
<p>Version ${escape(CLUSTER_VERSION)}. For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<p>Streams are one JSON value on each line; what goes wrong later is told in the trailer <code>X-Stream-Error</code>.
Other errors are <code>{"code":…,"message":…}</code>.</p>
${sections.join('\n')}
</body>
</html>
`
}

const answers: Readonly<Record<RestRoute['answer'], string>> = {
  json: 'one JSON value',
  stream: 'a stream of JSON values, or 204 when there is none',
  empty: '204',
  page: 'a page',
  events: 'server-sent events until the client leaves'
}

function routeOf({ method, path, about, query = [], answer, value, right }: RestRoute): string {
  const rows = query.map(
    ({ name, type, about: meaning, required }) =>
      `<tr><td><code>${escape(name)}</code></td><td>${type}${required === true ? ', required' : ''}</td><td>${escape(meaning)}</td></tr>`
  )
  const table = rows.length === 0 ? '' : `\n<table>\n${rows.join('\n')}\n</table>`
  const type = value === undefined ? '' : ` (<code>${escape(value)}</code>)`
  return `<details>
<summary><b>${method}</b> <code>${escape(path)}</code> ${escape(about)}</summary>${table}
<p>Answers ${answers[answer]}${type}.${right === 'none' ? '' : ` Needs the right <code>${right}</code>, where users have rights.`}</p>
</details>`
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => escapes[character] ?? character)
}
