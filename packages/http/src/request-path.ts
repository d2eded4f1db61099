import { cleanAbsolutePath } from './query.ts'

/** What is to do with the path of a request before any route is looked at. */
export type PathVerdict =
  | { readonly type: 'serve'; readonly url: string }
  | { readonly type: 'redirect'; readonly status: 301 | 307; readonly location: string }
  | { readonly type: 'bad' }

/**
 * Path rules of the API: one slash at the end is redirected away (307), doubled slashes and dot segments are redirected
 * to the cleaned path (301), the query is kept. `%2F` counts as a slash. `/` itself is served (and not found).
 *
 * A path that begins with two slashes is always cleaned, so that no redirect leaves the host.
 *
 * @see http-apis.md §1.10
 */
export function examinePath(requestUrl: string): PathVerdict {
  if (requestUrl === '*') return { type: 'serve', url: requestUrl }
  const url = requestUrl.replace(/^https?:\/\/[^/?#]*/i, '') // absolute form, as sent to proxies
  const mark = url.indexOf('?')
  const query = mark < 0 ? '' : url.slice(mark)
  const path = (mark < 0 ? url : url.slice(0, mark)).replace(/%2f/gi, '/').replaceAll('\\', '%5C')
  if (!path.startsWith('/') || /%(?![0-9A-Fa-f]{2})/.test(path)) return { type: 'bad' }
  if (path.length > 1 && path.endsWith('/') && !path.startsWith('//')) {
    return { type: 'redirect', status: 307, location: path.slice(0, -1) + query }
  }
  const cleaned = cleanAbsolutePath(path.replace(/%2e/gi, '.'))
  if (cleaned !== path.replace(/%2e/gi, '.')) return { type: 'redirect', status: 301, location: cleaned + query }
  return { type: 'serve', url: path + query }
}
