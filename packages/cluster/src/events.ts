import type { Clock, ClusterEvent, ClusterEvents, NumberedEvent } from '@cluster/api'

/** Events that are remembered for watchers that come late or were away. */
const MAX_EVENTS = 4_096

/** The events of this peer, with the way to add one. */
export interface Events extends ClusterEvents {
  emit(event: ClusterEvent): void
}

/** A ring of the last events. */
export function createEvents(clock: Pick<Clock, 'nowMs'>, limit: number = MAX_EVENTS): Events {
  const ring: NumberedEvent[] = []
  const watchers = new Set<(event: NumberedEvent) => void>()
  let lastId = 0
  return {
    // A peer does not start twice in a millisecond.
    run: clock.nowMs().toString(36),
    get lastId() {
      return lastId
    },
    emit(event) {
      lastId += 1
      const numbered = { ...event, id: lastId, atMs: clock.nowMs() }
      ring[lastId % limit] = numbered
      for (const watcher of watchers) watcher(numbered)
    },
    since(id, most = limit) {
      const found: NumberedEvent[] = []
      const first = Math.max(id + 1, lastId - limit + 1)
      for (let next = first; next <= lastId && found.length < most; next += 1) {
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
