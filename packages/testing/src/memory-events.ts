import type { ClusterEvent, ClusterEvents, NumberedEvent } from '@cluster/api'

/** Events for tests of APIs, of which only the last ones are remembered. */
export class MemoryEvents implements ClusterEvents {
  readonly run: string
  readonly #limit: number
  readonly #watchers = new Set<(event: NumberedEvent) => void>()
  #events: NumberedEvent[] = []
  lastId = 0

  constructor(run = 'run', limit = 16) {
    this.run = run
    this.#limit = limit
  }

  get watchers(): number {
    return this.#watchers.size
  }

  emit(event: ClusterEvent): void {
    this.lastId += 1
    const numbered = { ...event, id: this.lastId, atMs: 0 }
    this.#events = [...this.#events, numbered].slice(-this.#limit)
    for (const watcher of this.#watchers) watcher(numbered)
  }

  since(after: number, limit: number = this.#limit): readonly NumberedEvent[] {
    return this.#events.filter(({ id }) => id > after).slice(0, limit)
  }

  watch(fn: (event: NumberedEvent) => void): () => void {
    this.#watchers.add(fn)
    return () => this.#watchers.delete(fn)
  }
}
