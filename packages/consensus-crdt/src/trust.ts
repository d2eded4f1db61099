import type { PeerId } from '@libp2p/interface'

/** Whose changes are taken. @see wire-crdt.md §1.4 */
export class Trust {
  readonly #self: PeerId
  readonly #everybody: boolean
  readonly #peers = new Map<string, PeerId>()

  constructor(self: PeerId, trusted: readonly PeerId[] | '*') {
    this.#self = self
    this.#everybody = trusted === '*'
    if (trusted !== '*') for (const peer of trusted) this.add(peer)
  }

  /** Whether everybody is trusted. */
  get isOpen(): boolean {
    return this.#everybody
  }

  /** Whether nobody but this peer is. */
  get isClosed(): boolean {
    return !this.#everybody && this.#peers.size === 0
  }

  /** The peers that are trusted by name. */
  get peers(): Iterable<PeerId> {
    return this.#peers.values()
  }

  has(peer: PeerId): boolean {
    return this.#everybody || peer.equals(this.#self) || this.#peers.has(peer.toString())
  }

  add(peer: PeerId): void {
    this.#peers.set(peer.toString(), peer)
  }

  delete(peer: PeerId): void {
    this.#peers.delete(peer.toString())
  }
}
