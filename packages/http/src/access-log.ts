import type { IncomingMessage, ServerResponse } from 'node:http'

/** One answered request. */
export interface AccessEntry {
  /** IP address, peer ID, or `@` for a Unix socket. */
  readonly remoteHost: string
  readonly startedMs: number
  readonly method: string
  readonly url: string
  /** For instance `HTTP/1.1`. */
  readonly protocol: string
  readonly status: number
  /** Bytes of the body, without chunk sizes and headers. */
  readonly bytes: number
}

/** Calls `done` once the answer to this request has ended, also when the client left. */
export function observeAccess(
  request: IncomingMessage,
  response: ServerResponse,
  startedMs: number,
  done: (entry: AccessEntry) => void
): void {
  const { method = '', url = '', httpVersion } = request
  const remoteHost = request.socket.remoteAddress ?? '@'
  let bytes = 0
  const count = (chunk: unknown): void => {
    if (typeof chunk === 'string') bytes += Buffer.byteLength(chunk)
    else if (chunk instanceof Uint8Array) bytes += chunk.byteLength
  }
  const write = response.write.bind(response) as (...args: unknown[]) => boolean
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse
  response.write = (...args: unknown[]) => {
    count(args[0])
    return write(...args)
  }
  response.end = (...args: unknown[]) => {
    if (method !== 'HEAD') count(args[0])
    return end(...args)
  }
  response.once('close', () => {
    const protocol = `HTTP/${httpVersion}`
    done({ remoteHost, startedMs, method, url, protocol, status: response.statusCode, bytes })
  })
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * One line of Apache's Common Log Format, without the line end, in the local time zone.
 *
 * @see http-apis.md §1.14
 */
export function formatAccess(entry: AccessEntry): string {
  const date = new Date(entry.startedMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  const offset = -date.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`
  const day = `${two(date.getDate())}/${months[date.getMonth()] ?? ''}/${date.getFullYear()}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  const request = `${entry.method} ${escape(entry.url)} ${entry.protocol}`
  return `${entry.remoteHost} - - [${day}:${time} ${zone}] "${request}" ${entry.status} ${entry.bytes}`
}

/** So that no request can forge a line. */
function escape(url: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is to be escaped
  return url.replace(/["\\\u0000-\u001f\u007f]/g, (c) =>
    c === '"' || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`
  )
}
