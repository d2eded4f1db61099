import { toClusterError, type Component, type Logger } from '@cluster/api'

/** A part of a peer, as its log lines call it. */
export interface Part {
  readonly name: string
  readonly component: Component
}

/** How long a part may take to stop before the next one is stopped. */
export const STOP_LIMIT_MS = 15_000

/**
 * Opens all parts, then sets them to work, in order. When one fails, those before it are stopped in reverse.
 *
 * @throws {ClusterError} the failure, after everything was stopped
 */
export async function startParts(parts: readonly Part[], signal: AbortSignal, log: Logger): Promise<void> {
  let opened = 0
  try {
    for (const { component } of parts) {
      opened++
      await component.beforeStart?.({ signal })
      signal.throwIfAborted()
    }
    for (const { component } of parts) {
      await component.start?.({ signal })
      signal.throwIfAborted()
    }
  } catch (error) {
    await stopParts(parts.slice(0, opened), log)
    throw toClusterError(error)
  }
}

/**
 * Stops parts in reverse order, each within a limit: past it the part is told to hurry and the next one follows. A part
 * that fails to stop is logged and keeps none of the others from stopping.
 */
export async function stopParts(parts: readonly Part[], log: Logger): Promise<void> {
  for (const { name, component } of parts.toReversed()) {
    if (component.stop === undefined) continue
    const hurry = new AbortController()
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => {
      hurry.abort()
      resolve('late')
    }, STOP_LIMIT_MS)
    try {
      const outcome = await Promise.race([component.stop({ signal: hurry.signal }), late])
      if (outcome === 'late') log.warn(`${name} takes too long to stop`, { limitMs: STOP_LIMIT_MS })
    } catch (error) {
      log.error(`stopping ${name}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      clearTimeout(timer)
    }
  }
}
