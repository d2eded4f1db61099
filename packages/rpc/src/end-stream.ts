import { closeWrite } from '@cluster/streams'
import type { Stream } from '@libp2p/interface'

/**
 * Ends a stream whose call is complete: closes the own side, and resets it when the other side has not closed its own
 * within the time, so that nothing stays open.
 */
export async function endStream(stream: Stream, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => {
    stream.abort(new Error('the other side did not end the call'))
  }, timeoutMs)
  timer.unref()
  const clear = (): void => {
    clearTimeout(timer)
  }
  stream.addEventListener('close', clear, { once: true })
  try {
    await closeWrite(stream)
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
  }
  // The close event may have come before anybody listened.
  if (stream.status !== 'open' && stream.status !== 'closing') clear()
}
