import type { BlockKey } from '../cid/key.ts'
import type { WireCid } from '../cid/parse.ts'
import { WantlistFullError } from '../errors.ts'
import type { SessionState } from './session-state.ts'
import { Want } from './want.ts'

/** How many wants there may be. @see bitswap.md §4.10 */
export interface WantLimits {
  /** Wants of one session. */
  readonly queuedWantsPerSession: number
  /** Wants of all sessions. */
  readonly ownWants: number
}

/** All wants of this peer, by block, and which session has an interest in which. */
export class WantTable {
  readonly #limits: WantLimits
  readonly #wants = new Map<BlockKey, Want>()
  /** How many wants there are of each hash function and digest length. */
  readonly #hashes = new Map<string, number>()

  constructor(limits: WantLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#wants.size
  }

  get(key: BlockKey): Want | undefined {
    return this.#wants.get(key)
  }

  values(): IterableIterator<Want> {
    return this.#wants.values()
  }

  /** Whether some want could be satisfied by a block with this kind of hash. */
  hasHash(hashCode: number, digestLength: number): boolean {
    return this.#hashes.has(`${hashCode}:${digestLength}`)
  }

  /** Adds the want to the session. @throws WantlistFullError */
  join(session: SessionState, cid: WireCid): Want {
    const { queuedWantsPerSession, ownWants } = this.#limits
    let want = this.#wants.get(cid.key)
    const joined = session.wants.has(cid.key)
    if (!joined && session.wants.size >= queuedWantsPerSession) {
      throw new WantlistFullError(`a session may have ${queuedWantsPerSession} wants`)
    }
    if (want === undefined) {
      if (this.#wants.size >= ownWants) throw new WantlistFullError(`there may be ${ownWants} wants`)
      want = new Want(cid)
      this.#wants.set(cid.key, want)
      this.#countHash(cid, 1)
    } else {
      want.addForm(cid)
    }
    session.wants.add(cid.key)
    want.sessions.add(session)
    return want
  }

  /** Takes the want out of the session. @returns the want when no session is left that has it */
  leave(session: SessionState, key: BlockKey): Want | undefined {
    session.forget(key)
    const want = this.#wants.get(key)
    return want?.sessions.delete(session) === true && want.sessions.size === 0 ? want : undefined
  }

  remove(want: Want): void {
    if (!this.#wants.delete(want.key)) return
    this.#countHash(want.forms[0], -1)
    for (const session of want.sessions) session.forget(want.key)
  }

  #countHash({ hashCode, digestLength }: WireCid, change: 1 | -1): void {
    const hash = `${hashCode}:${digestLength}`
    const count = (this.#hashes.get(hash) ?? 0) + change
    if (count === 0) this.#hashes.delete(hash)
    else this.#hashes.set(hash, count)
  }
}
