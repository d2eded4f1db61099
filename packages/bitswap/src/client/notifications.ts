import type { PeerId } from '@libp2p/interface'
import type { BlockKey } from '../cid/key.ts'

/** A block for somebody who waits for it. */
export interface Delivery {
  readonly bytes: Uint8Array
  /** Absent: it was put in here, not received. */
  readonly from?: PeerId
}

/** Somebody who waits for a block. */
export interface Waiter {
  deliver(delivery: Delivery): void
  fail(error: Error): void
}

/** Who waits for which block. */
export class Notifications {
  readonly #waiters = new Map<BlockKey, Set<Waiter>>()

  add(key: BlockKey, waiter: Waiter): void {
    let waiters = this.#waiters.get(key)
    if (waiters === undefined) this.#waiters.set(key, (waiters = new Set<Waiter>()))
    waiters.add(waiter)
  }

  remove(key: BlockKey, waiter: Waiter): void {
    const waiters = this.#waiters.get(key)
    if (waiters?.delete(waiter) === true && waiters.size === 0) this.#waiters.delete(key)
  }

  isAwaited(key: BlockKey): boolean {
    return this.#waiters.has(key)
  }

  deliver(key: BlockKey, delivery: Delivery): void {
    const waiters = this.#waiters.get(key)
    this.#waiters.delete(key)
    for (const waiter of waiters ?? []) waiter.deliver(delivery)
  }

  failAll(error: Error): void {
    const all = [...this.#waiters.values()]
    this.#waiters.clear()
    for (const waiters of all) {
      for (const waiter of waiters) waiter.fail(error)
    }
  }
}
