import type { CID } from 'multiformats/cid'
import type { Alert, Clock, PinsetChange, TrackedPin } from '@cluster/api'

/** Events that are remembered for watchers that come late or were away. */
const MAX_EVENTS = 4_096

/** What happened at this peer. */
export type CoreEvent =
  | { readonly type: 'pinset'; readonly change: PinsetChange }
  | { readonly type: 'status'; readonly status: TrackedPin }
  | { readonly type: 'alert'; readonly alert: Alert }
  | { readonly type: 'ready' }
  | { readonly type: 'expired'; readonly cid: CID }

/** An event with its place: ids ascend without gaps from 1. */
export type NumberedEvent = CoreEvent & { readonly id: number; readonly atMs: number }

/** A bounded memory of what happened, for watching only. */
export interface Events {
  emit(event: CoreEvent): void
  /** Events after an id, oldest first; what was forgotten is missing, which the gap in the ids shows. */
  since(id: number): readonly NumberedEvent[]
  /** Calls back for each new event; returns what ends it. A callback must not throw. */
  watch(fn: (event: NumberedEvent) => void): () => void
}

/** A ring of the last events. */
export function createEvents(clock: Pick<Clock, 'nowMs'>, limit: number = MAX_EVENTS): Events {
  const ring: NumberedEvent[] = []
  const watchers = new Set<(event: NumberedEvent) => void>()
  let lastId = 0
  return {
    emit(event) {
      lastId += 1
      const numbered = { ...event, id: lastId, atMs: clock.nowMs() }
      ring[lastId % limit] = numbered
      for (const watcher of watchers) watcher(numbered)
    },
    since(id) {
      const found: NumberedEvent[] = []
      for (let next = Math.max(id + 1, lastId - limit + 1); next <= lastId; next += 1) {
        const event = ring[next % limit]
        if (event !== undefined) found.push(event)
      }
      return found
    },
    watch(fn) {
      watchers.add(fn)
      return () => watchers.delete(fn)
    }
  }
}
