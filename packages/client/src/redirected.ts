import type { Transport, TransportResponse } from './transport.ts'

const MAX_REDIRECTIONS = 10

/**
 * A transport that follows redirections of GET requests, as those of browsers do themselves. Credentials go to the host
 * that was named only.
 */
export function redirected(transport: Transport): Transport {
  return {
    readsTrailers: transport.readsTrailers,
    async send(request) {
      let response = await transport.send(request)
      let { url, headers } = request
      for (let count = 0; request.method === 'GET' && isRedirection(response); count++) {
        if (count === MAX_REDIRECTIONS) throw new Error(`stopped after ${MAX_REDIRECTIONS} redirects`)
        // To the end, so that the connection can be used again.
        const reader = response.body[Symbol.asyncIterator]()
        while ((await reader.next()).done !== true);
        const next = new URL(response.location ?? '', url)
        if (next.hostname !== url.hostname) {
          headers = Object.fromEntries(
            Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization')
          )
        }
        url = next
        response = await transport.send({ ...request, url, headers })
      }
      return response
    },
    close() {
      transport.close()
    }
  }
}

function isRedirection({ status, location }: TransportResponse): boolean {
  return [301, 302, 303, 307, 308].includes(status) && location !== undefined
}
