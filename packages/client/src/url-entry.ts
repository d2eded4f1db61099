import type { FileEntry } from '@cluster/api'
import { FileEntriesError } from './file-entries-error.ts'

/** Whether an argument is fetched instead of being read from this machine. */
export function isUrl(text: string): boolean {
  return /^http[a-z0-9+.-]*:/i.test(text) && URL.canParse(text)
}

/** What a URL leads to, as a file; it is asked for when it is read. */
export function urlEntry(url: string, signal?: AbortSignal): FileEntry {
  return { type: 'file', path: nameOf(url), content: contentOf(url, signal), source: url }
}

/** How long the content says it is; `undefined` when it does not say, or cannot be asked. */
export async function urlLength(url: string, signal?: AbortSignal): Promise<number | undefined> {
  try {
    const { ok, headers } = await fetch(url, { method: 'HEAD', signal: signal ?? null })
    const length = headers.get('content-length')
    return ok && length !== null && !headers.has('content-encoding') ? Number(length) : undefined
  } catch {
    return undefined
  }
}

async function* contentOf(url: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  let response: Response
  try {
    response = await fetch(url, { signal: signal ?? null })
  } catch (error) {
    signal?.throwIfAborted()
    // `fetch failed` says nothing; what failed is inside.
    const { cause = error } = error as Error
    const text = cause instanceof Error && cause.message !== '' ? cause.message : String(error)
    throw new FileEntriesError('URL_FAILED', `Get "${url}": ${text}`, { cause: error })
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw new FileEntriesError('URL_FAILED', `got non-2XX status code ${response.status}: ${url}`)
  }
  if (response.body !== null) yield* response.body
}

/** The last part of the path; without one there is no name. */
function nameOf(url: string): string {
  const [last = ''] = new URL(url).pathname
    .split('/')
    .filter((part) => part !== '')
    .slice(-1)
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
