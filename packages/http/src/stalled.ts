import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Limits in time that `node:http` does not have. */
export interface StallLimits {
  /** Time without a byte in either direction while the client is the one to act; 0 = no limit. */
  readonly stallTimeoutMs: number
  /** From the end of the headers to the end of the answer; 0 = no limit. */
  readonly writeTimeoutMs: number
}

/**
 * Cuts connections whose client neither sends the rest of its upload nor reads its answer, and answers that take too
 * long as a whole. A request that waits for us, however long, is left alone.
 */
export function watchStalls(server: Server, { stallTimeoutMs, writeTimeoutMs }: StallLimits): void {
  const open = new Map<Socket, { request: IncomingMessage; response: ServerResponse }>()
  server.timeout = stallTimeoutMs
  server.on('request', (request, response) => {
    const { socket } = request
    open.set(socket, { request, response })
    const timer = writeTimeoutMs > 0 ? setTimeout(() => socket.destroy(), writeTimeoutMs) : undefined
    response.once('close', () => {
      clearTimeout(timer)
      if (open.get(socket)?.response === response) open.delete(socket)
    })
  })
  server.on('timeout', (socket: Socket) => {
    const current = open.get(socket)
    if (current !== undefined && !isClientsTurn(current.request, current.response)) {
      socket.setTimeout(stallTimeoutMs) // look again
      return
    }
    socket.destroy()
  })
}

/** Whether we wait for the client: it does not read what we wrote, or does not send what we would take. */
function isClientsTurn(request: IncomingMessage, response: ServerResponse): boolean {
  if (response.writableLength > 0) return true
  return !request.complete && request.readableLength === 0 // what has arrived is taken
}
