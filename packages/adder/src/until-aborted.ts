/**
 * The values of a source until a signal aborts: a source that hangs does not keep the reader.
 *
 * @throws the reason of the signal
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]()
  // One promise per step: racing against one long-lived promise would keep a reaction per step.
  let rejectStep: ((reason: unknown) => void) | undefined
  const onAbort = (): void => {
    rejectStep?.(signal.reason)
  }
  signal.addEventListener('abort', onAbort)
  let ended = false
  try {
    for (;;) {
      signal.throwIfAborted()
      const step = await new Promise<IteratorResult<T>>((resolve, reject) => {
        rejectStep = reject
        iterator.next().then(resolve, reject)
      })
      if (step.done === true) {
        ended = true
        return
      }
      yield step.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // A source that hangs in next() would let return() hang too, so it is not waited for.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
}
