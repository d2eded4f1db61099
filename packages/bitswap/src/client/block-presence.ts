import type { BlockKey } from '../cid/key.ts'
import type { WireCid } from '../cid/parse.ts'

/** What is known of one peer and one block. */
interface Known {
  have: boolean
  /** CID forms that the peer denied: with a blockstore keyed by CID it may have another. */
  readonly deniedForms: Set<string>
  /** After silence: not asked again before this time. */
  retryAtMs: number
  silences: number
}

/** How good it is to ask a peer for a block; `no` is not at all. */
export type PresenceRank = 'have' | 'unknown' | 'no'

const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 30_000

/**
 * Which peer has which block, as their answers said. A HAVE counts for all CID forms of a block, a DONT_HAVE only for
 * the one that was asked.
 *
 * @see bitswap.md §2.3.4, §4.4, §4.8.2
 */
export class BlockPresence {
  readonly #peers = new Map<string, Map<BlockKey, Known>>()

  have(peer: string, key: BlockKey): void {
    const known = this.#of(peer, key)
    known.have = true
    known.retryAtMs = 0
  }

  /** The peer said DONT_HAVE. It pushes the block when it gets it, so it is not asked again for this form. */
  denied(peer: string, { key, form }: WireCid): void {
    const known = this.#of(peer, key)
    known.have = false
    known.deniedForms.add(form)
  }

  /** The peer did not answer in time: asked again after 1, 2, 4 … 30 seconds. */
  silent(peer: string, key: BlockKey, nowMs: number): void {
    const known = this.#of(peer, key)
    known.have = false
    known.retryAtMs = nowMs + Math.min(FIRST_RETRY_MS * 2 ** known.silences, MAX_RETRY_MS)
    known.silences += 1
  }

  rank(peer: string, key: BlockKey, forms: readonly WireCid[], nowMs: number): PresenceRank {
    const known = this.#peers.get(peer)?.get(key)
    if (known === undefined) return 'unknown'
    if (known.have) return 'have'
    if (nowMs < known.retryAtMs) return 'no'
    return forms.every(({ form }) => known.deniedForms.has(form)) ? 'no' : 'unknown'
  }

  /** The form to ask a peer for: the first that it did not deny. */
  form(peer: string, key: BlockKey, forms: readonly [WireCid, ...WireCid[]]): WireCid {
    const denied = this.#peers.get(peer)?.get(key)?.deniedForms
    return forms.find(({ form }) => denied?.has(form) !== true) ?? forms[0]
  }

  forgetBlock(key: BlockKey): void {
    for (const known of this.#peers.values()) known.delete(key)
  }

  forgetPeer(peer: string): void {
    this.#peers.delete(peer)
  }

  #of(peer: string, key: BlockKey): Known {
    let blocks = this.#peers.get(peer)
    if (blocks === undefined) this.#peers.set(peer, (blocks = new Map<BlockKey, Known>()))
    let known = blocks.get(key)
    if (known === undefined) {
      blocks.set(key, (known = { have: false, deniedForms: new Set(), retryAtMs: 0, silences: 0 }))
    }
    return known
  }
}
