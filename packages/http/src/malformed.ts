import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

const BAD_REQUEST = '400 Bad Request'
const NO_HOST = `${BAD_REQUEST}: missing required Host header`
const TOO_LARGE = '431 Request Header Fields Too Large'

/**
 * Answers what is no HTTP, or too much of it, in the bytes of the reference, and closes the connection. Who takes too
 * long for a head is cut without an answer.
 *
 * @see http-apis.md §1.3, §1.6
 */
export function answerMalformed(server: Server): void {
  const answering = new WeakMap<Duplex, ServerResponse>()
  server.prependListener('request', (request, response) => {
    answering.set(request.socket, response)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const isAnswered = answering.get(socket)?.headersSent === true && answering.get(socket)?.writableEnded === false
    const isOfParser = error.code?.startsWith('HPE_') === true
    if (!isOfParser || isAnswered || !socket.writable) socket.destroy(error)
    else refuse(socket, error.code === 'HPE_HEADER_OVERFLOW' ? TOO_LARGE : BAD_REQUEST, error)
  })
}

/** Refuses a request of HTTP/1.1 that does not say to which host it goes. */
export function refuseWithoutHost(socket: Duplex): void {
  refuse(socket, NO_HOST)
}

function refuse(socket: Duplex, status: string, error?: Error): void {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`
  socket.end(head + status, () => {
    socket.destroy(error)
  })
}
