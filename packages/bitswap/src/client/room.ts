import type { BlockKey } from '../cid/key.ts'
import type { ClientPeer } from './client-peer.ts'
import type { SessionState } from './session-state.ts'

/**
 * How much peers may owe us: each by its window, all together by a limit. Sessions that find no room wait in line, and
 * are served in turn when some becomes free, whoever used it before. Without the line a session would wait for its own
 * idle tick while others go on: many small sessions at once would take seconds for a few blocks.
 *
 * @see bitswap.md §4.8.4
 */
export class Room {
  readonly #maxBytes: number
  /** Longest wait first. */
  readonly #waiting = new Set<SessionState>()
  /** Peers that owe less than when the line was last looked at. */
  readonly #relieved = new Set<ClientPeer>()
  /** Somebody was refused because of what all peers owe together: room at one is room at each. */
  #isFull = false
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether a peer may be asked for one more block of the session. One always may be in flight. */
  has(peer: ClientPeer, { blockBytes }: SessionState): boolean {
    if (!peer.hasRoom(blockBytes)) return false
    if (peer.window.size === 0 || this.#bytes + blockBytes <= this.#maxBytes) return true
    this.#isFull = true
    return false
  }

  /** The peer owes the block from now on. */
  take(peer: ClientPeer, key: BlockKey, bytes: number, nowMs: number): void {
    peer.window.add(key, bytes, nowMs)
    this.#bytes += bytes
  }

  /** The peer does not owe the block any more. */
  release(peer: ClientPeer, key: BlockKey): void {
    this.#bytes -= peer.window.remove(key)
    this.#relieved.add(peer)
  }

  /** The session has wants that only lack room, or none any more. It keeps its place in the line. */
  waits(session: SessionState, state: boolean): void {
    if (state) this.#waiting.add(session)
    else this.#waiting.delete(session)
  }

  /** Sessions for which there is room now, each once; they leave the line until they wait again, at its end. */
  *next(): Generator<SessionState, void, undefined> {
    if (this.#relieved.size === 0) return
    const relieved = [...this.#relieved]
    const anywhere = this.#isFull
    this.#relieved.clear()
    this.#isFull = false
    for (const session of [...this.#waiting]) {
      if (!anywhere && !relieved.some((peer) => this.has(peer, session))) continue
      this.#waiting.delete(session)
      yield session
    }
  }
}
