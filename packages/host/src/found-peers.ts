import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Connection attempts at once. */
const maxAttempts = 4
/** Peers that may wait for one; more are left out until they are found again. */
const maxWaiting = 256
/** Peers whose failures are remembered; the oldest give way. */
const maxRemembered = 1024

/** How long a peer is left alone after its first failure, and at most; each further failure doubles it. */
const unreachable = { firstMs: 10_000, mostMs: 300_000 }
const stranger = { firstMs: 300_000, mostMs: 3_600_000 }

/** What an attempt came to. A stranger is a peer with another secret. */
export type Attempt = 'connected' | 'unreachable' | 'stranger'

interface Setup {
  readonly isConnected: (peer: PeerId) => boolean
  /** Never rejects. */
  readonly attempt: (peer: PeerId, addresses: readonly Multiaddr[]) => Promise<Attempt>
  readonly nowMs: () => number
}

/**
 * Connects to peers that turn up again and again: a few at a time, and those that cannot be reached ever more seldom.
 * Many clusters may share a network, and each finds the peers of all others every minute.
 */
export class FoundPeers {
  readonly #setup: Setup
  readonly #waiting = new Map<string, { readonly peer: PeerId; readonly addresses: readonly Multiaddr[] }>()
  readonly #failures = new Map<string, { readonly untilMs: number; readonly pauseMs: number }>()
  readonly #busy = new Set<string>()

  constructor(setup: Setup) {
    this.#setup = setup
  }

  /** Takes note that a peer is there. */
  found(peer: PeerId, addresses: readonly Multiaddr[]): void {
    const key = peer.toString()
    if (this.#busy.has(key) || this.#setup.isConnected(peer)) return
    if (this.#setup.nowMs() < (this.#failures.get(key)?.untilMs ?? 0)) return
    if (!this.#waiting.has(key) && this.#waiting.size >= maxWaiting) return
    this.#waiting.set(key, { peer, addresses })
    this.#next()
  }

  #next(): void {
    for (const [key, { peer, addresses }] of this.#waiting) {
      if (this.#busy.size >= maxAttempts) return
      this.#waiting.delete(key)
      this.#busy.add(key)
      void this.#setup.attempt(peer, addresses).then((outcome) => {
        this.#busy.delete(key)
        this.#remember(key, outcome)
        this.#next()
      })
    }
  }

  #remember(key: string, outcome: Attempt): void {
    const before = this.#failures.get(key)
    this.#failures.delete(key)
    if (outcome === 'connected') return
    const { firstMs, mostMs } = outcome === 'stranger' ? stranger : unreachable
    const pauseMs = Math.min(mostMs, Math.max(firstMs, 2 * (before?.pauseMs ?? 0)))
    this.#failures.set(key, { untilMs: this.#setup.nowMs() + pauseMs, pauseMs })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > maxRemembered && oldest !== undefined) this.#failures.delete(oldest)
  }
}
