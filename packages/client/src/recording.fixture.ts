import { ClusterClient, type ClusterClientInit, type Transport, type TransportRequest } from './index.ts'

/** A client whose requests are kept, and answered alike. */
export function recording(
  status: number,
  body = '',
  more: Partial<ClusterClientInit> = {}
): { client: ClusterClient; seen: TransportRequest[] } {
  const seen: TransportRequest[] = []
  const transport: Transport = {
    readsTrailers: true,
    send(request) {
      seen.push(request)
      return Promise.resolve({ status, statusText: 'text of the status', body: bytesOf(body), trailer: () => [] })
    },
    close: () => undefined
  }
  return { client: new ClusterClient({ url: 'http://host', transport, ...more }), seen }
}

async function* bytesOf(body: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(body))
}
