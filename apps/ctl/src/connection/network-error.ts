import type { Endpoint } from './endpoints.ts'

const dialErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable'
}
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
])

/**
 * Why no answer came, in the words that scripts know.
 *
 * @see cli-config.md §1.4
 */
export function networkErrorText(error: unknown, { url, socketPath }: Endpoint): string {
  const { code, message } = firstOf(error)
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${url.hostname}: no such host`
  const dial = dialErrors[code]
  if (dial !== undefined) {
    const where = socketPath === undefined ? `tcp ${url.hostname}:${portOf(url)}` : `unix ${socketPath}`
    return `dial ${where}: connect: ${dial}`
  }
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'EOF'
  // With the code EPROTO when the answer is there before all of the greeting was sent.
  if (
    /^ERR_SSL_(?:WRONG_VERSION|PACKET_LENGTH)/.test(code) ||
    /:wrong version number:|:packet length too/.test(message)
  ) {
    return 'http: server gave HTTP response to HTTPS client'
  }
  if (UNTRUSTED.has(code)) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
  }
  return message
}

/** A failed connection to several addresses carries its reasons inside. */
function firstOf(error: unknown): { code: string; message: string } {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error
  if (!(inner instanceof Error)) return { code: '', message: String(inner) }
  return { code: 'code' in inner ? String(inner.code) : '', message: inner.message }
}

function portOf(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
}
