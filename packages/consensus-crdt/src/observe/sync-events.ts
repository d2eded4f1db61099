import type { CrdtEvents, MerkleCrdt } from '@cluster/merkle-crdt'
import { TypedEventEmitter, type EventHandler, type TypedEventTarget } from 'main-event'

type Type = keyof CrdtEvents
const TYPES = ['state', 'heads', 'progress', 'missing', 'rejected', 'fault'] as const satisfies readonly Type[]

/**
 * The events of the store, for who listens before there is one. Only what somebody listens to is asked of the store:
 * making it costs.
 */
export class SyncEvents extends TypedEventEmitter<CrdtEvents> {
  #store: Pick<MerkleCrdt, 'addEventListener'> | undefined
  readonly #passed = new Set<Type>()

  /** The store is open now. */
  attach(store: Pick<MerkleCrdt, 'addEventListener'>): void {
    this.#store = store
    for (const type of TYPES) if (this.listenerCount(type) > 0) this.#pass(type)
  }

  override addEventListener<T extends Type>(
    type: T,
    listener: EventHandler<CrdtEvents[T]> | null,
    options?: Parameters<TypedEventTarget<CrdtEvents>['addEventListener']>[2]
  ): void {
    super.addEventListener(type, listener, options)
    this.#pass(type)
  }

  #pass(type: Type): void {
    if (this.#store === undefined || this.#passed.has(type)) return
    this.#passed.add(type)
    this.#store.addEventListener(type, ({ detail }: CustomEvent<unknown>) => {
      this.dispatchEvent(new CustomEvent(type, { detail }))
    })
  }
}
