import type { Transport } from './transport.ts'

/** The transport of browsers: `fetch`, which reads no trailers and takes an upload as a whole. */
export function defaultTransport(): Transport {
  return {
    readsTrailers: false,
    async send({ method, url, headers, body, signal }) {
      const init: RequestInit = { method, headers, signal: signal ?? null }
      if (body !== undefined) init.body = typeof body === 'string' ? body : await blobOf(body)
      const response = await fetch(url, init)
      const { status, statusText } = response
      return { status, statusText, body: bodyOf(response), trailer: () => [] }
    },
    close: () => undefined
  }
}

/** Browsers keep large blobs on disk. */
async function blobOf(body: AsyncIterable<Uint8Array>): Promise<Blob> {
  const parts: Blob[] = []
  for await (const bytes of body) parts.push(new Blob([bytes.slice()]))
  return new Blob(parts)
}

async function* bodyOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  if (response.body === null) return
  const body: ReadableStream<Uint8Array> = response.body
  const reader = body.getReader()
  try {
    for (;;) {
      const step = await reader.read()
      if (step.done) return
      yield step.value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
