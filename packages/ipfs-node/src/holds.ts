import type { CID } from 'multiformats/cid'
import type { MultihashDigest } from 'multiformats/hashes/interface'
import { DigestSet } from './digest-set.ts'

/**
 * Keeps blocks from garbage collection while they belong to no pin yet: during an add, a pin, a block stream.
 * A hold lives in memory only; after a restart nothing is held, and what was acknowledged must be pinned again.
 */
export interface Hold {
  /** Protects a block, stored or about to be. Call it before looking whether the block is there. */
  protect(cid: CID): void
  /** Ends the protection. Further calls do nothing. */
  release(): void
  /** Ends the protection when a pin of one of the held blocks completes, or after this time in milliseconds. */
  linger(forMs: number): void
}

/** All holds of one node. */
export class Holds {
  readonly #holds = new Set<{ blocks: DigestSet; untilMs: number; lingering: boolean }>()
  readonly #nowMs: () => number
  #collecting = false
  readonly #released = new Set<{ blocks: DigestSet; untilMs: number; lingering: boolean }>()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  create(): Hold {
    const entry = { blocks: new DigestSet(), untilMs: Infinity, lingering: false }
    this.#holds.add(entry)
    return {
      protect: (cid) => {
        entry.blocks.add(cid.multihash)
      },
      release: () => {
        this.#drop(entry)
      },
      linger: (forMs) => {
        entry.lingering = true
        entry.untilMs = this.#nowMs() + forMs
      }
    }
  }

  /** A pin of this block is complete: what lingered for it is now protected by the pin. */
  pinned(cid: CID): void {
    for (const entry of this.#holds) {
      if (entry.lingering && entry.blocks.has(cid.multihash)) this.#drop(entry)
    }
  }

  protects(multihash: MultihashDigest): boolean {
    for (const entry of this.#holds) if (entry.blocks.has(multihash)) return true
    for (const entry of this.#released) if (entry.blocks.has(multihash)) return true
    return false
  }

  /** From here to `collected()` released holds keep protecting: the marks may be older than the pin that took over. */
  collecting(): void {
    const now = this.#nowMs()
    for (const entry of this.#holds) if (entry.untilMs <= now) this.#holds.delete(entry)
    this.#collecting = true
  }

  collected(): void {
    this.#collecting = false
    this.#released.clear()
  }

  #drop(entry: { blocks: DigestSet; untilMs: number; lingering: boolean }): void {
    if (this.#holds.delete(entry) && this.#collecting) this.#released.add(entry)
  }
}
