/** The reason of an aborted signal as an `Error`: `AbortController.abort()` takes any value. */
export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new DOMException(String(reason), 'AbortError')
}
