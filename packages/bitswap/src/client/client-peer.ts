import type { BlockKey } from '../cid/key.ts'
import { DeliveryWindow } from './delivery-window.ts'
import { DontHaveTimeout, type DontHaveTimeoutOptions } from './dont-have-timeout.ts'
import { type ComposedEntry, PeerWants } from './peer-wants.ts'

/** A connected peer as the client sees it. */
export class ClientPeer {
  readonly name: string
  /** What it was asked. */
  readonly wants: PeerWants
  /** What it owes us. */
  readonly window = new DeliveryWindow()
  readonly timeout: DontHaveTimeout
  /** When a want last stood at it. */
  lastWantMs = -Infinity
  readonly #maxWants: number

  constructor(name: string, maxWants: number, timeout: DontHaveTimeoutOptions) {
    this.name = name
    this.#maxWants = maxWants
    this.wants = new PeerWants(maxWants)
    this.timeout = new DontHaveTimeout(timeout)
  }

  /** Whether it may be asked for one more block of about this size. */
  hasRoom(bytes: number): boolean {
    return this.window.size < this.#maxWants && this.window.fits(bytes)
  }

  answered(key: BlockKey, answer: 'have' | 'dont-have' | 'block', nowMs: number): void {
    this.timeout.active(nowMs)
    const tookMs = this.wants.answered(key, answer, nowMs)
    if (tookMs === undefined) return
    this.timeout.sample(tookMs)
    this.window.latency(tookMs)
  }

  /** @returns whether it had been asked, or was about to be */
  cancel(key: BlockKey, nowMs: number): boolean {
    if (!this.wants.has(key)) return false
    this.lastWantMs = nowMs
    this.wants.cancel(key)
    return true
  }

  compose(supportsHave: boolean, nowMs: number): ComposedEntry[] {
    const entries = this.wants.compose(supportsHave, nowMs)
    for (const { key } of entries) {
      if (key !== undefined) this.window.sent(key, nowMs)
    }
    return entries
  }
}
