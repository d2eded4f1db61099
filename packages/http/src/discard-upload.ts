import type { IncomingMessage } from 'node:http'

/** What the reference reads of an upload that nobody wants any more, before it answers. */
const maxDiscardedBytes = 256 * 1024
const maxDiscardMs = 1000

/**
 * Reads and drops some of an upload that is still under way: a connection that is closed while data arrives is reset,
 * and the client then often loses the answer. At most 256 KiB or one second.
 *
 * @see http-apis.md §1.6
 */
export async function discardUpload(request: IncomingMessage, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    let left = maxDiscardedBytes
    const timer = setTimeout(stop, maxDiscardMs)
    request.on('data', count).on('end', stop).on('error', stop).on('close', stop)
    signal.addEventListener('abort', stop)
    if (request.complete || request.destroyed || signal.aborted) stop()
    else request.resume()

    function count(chunk: Uint8Array): void {
      left -= chunk.byteLength
      if (left <= 0) stop()
    }
    function stop(): void {
      clearTimeout(timer)
      request.off('data', count).off('end', stop).off('error', stop).off('close', stop)
      signal.removeEventListener('abort', stop)
      resolve()
    }
  })
}
