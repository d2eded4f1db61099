/** A request as a transport sends it. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | AsyncIterable<Uint8Array> | undefined
  readonly signal?: AbortSignal | undefined
}

/** An answer as a transport gives it, once status and headers are there. */
export interface TransportResponse {
  readonly status: number
  readonly statusText: string
  /** Where a redirection leads; the transport of browsers follows them itself. */
  readonly location?: string | undefined
  /** Broken off by `return()`, which drops the connection. */
  readonly body: AsyncIterable<Uint8Array>
  /** All values of a trailer, once the body has ended. */
  trailer(name: string): readonly string[]
}

/**
 * How requests travel. The one for Node reads trailers and streams uploads; the one for browsers can do neither.
 * Errors are those of the platform; an abort throws the reason of the signal.
 */
export interface Transport {
  /** Whether errors that come as trailer are seen. */
  readonly readsTrailers: boolean
  send(request: TransportRequest): Promise<TransportResponse>
  /** Drops idle connections. */
  close(): void
}

/** How the transport of Node connects. In browsers, the browser decides. */
export interface TransportOptions {
  /** Certificates to trust, as PEM, in place of those that come with Node. */
  readonly ca?: string
  /** Off only to connect to servers whose certificate nobody vouches for. */
  readonly verifiesCertificates?: boolean
  /** A Unix socket to connect to, whatever the URL says. */
  readonly socketPath?: string
}
