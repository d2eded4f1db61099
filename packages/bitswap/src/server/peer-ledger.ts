import type { BlockKey } from '../cid/key.ts'
import type { WireCid } from '../cid/parse.ts'
import type { WantlistEntry, WantType } from '../wire/message.ts'

/** What is known about the block of a want: not looked up yet, missing, or its size. */
type BlockState = 'unknown' | 'missing' | number

/** A want of a peer, remembered until it is answered with the block, cancelled, or the peer leaves. */
export interface LedgerWant {
  readonly cid: WireCid
  priority: number
  type: WantType
  sendDontHave: boolean
  block: BlockState
  /** Counts up, for the order among equal priorities. */
  readonly order: number
  /** The answer that is queued for it, if one is. */
  queued: 'none' | 'queued' | 'sending'
  /** Bytes and priority under which the answer is queued. */
  queuedWork: number
  queuedPriority: number
  /** While an answer is being sent: something changed that asks for another one. */
  again: boolean
}

/**
 * What one peer wants from us, by its exact CIDs.
 *
 * When it is full, a new want takes the place of one whose block is missing (lowest priority, then oldest first), else
 * of one of strictly lower priority. Wants that find no place, or lose it, get no answer, as at a Go peer: the other
 * side sends them again after 30 s.
 *
 * @see bitswap.md §4.9.2
 */
export class PeerLedger {
  readonly #maxWants: number
  readonly #wants = new Map<string, LedgerWant>()
  /** Who loses its place next, last first; worked out once per message. */
  #victims: LedgerWant[] | undefined
  #order = 0

  constructor(maxWants: number) {
    this.#maxWants = maxWants
  }

  get size(): number {
    return this.#wants.size
  }

  values(): IterableIterator<LedgerWant> {
    return this.#wants.values()
  }

  /** Whether this very want is still remembered. */
  has(want: LedgerWant): boolean {
    return this.#wants.get(want.cid.form) === want
  }

  get(cid: WireCid): LedgerWant | undefined {
    return this.#wants.get(cid.form)
  }

  /** A message begins. Its entries should come in falling priority. */
  begin(): void {
    this.#victims = undefined
  }

  /**
   * Remembers the want, or renews it.
   *
   * @param displaced - told which want lost its place
   * @returns `undefined` when there is no place for it
   */
  add(entry: WantlistEntry, displaced: (want: LedgerWant) => void): LedgerWant | undefined {
    const form = entry.cid.form
    const known = this.#wants.get(form)
    if (known !== undefined) {
      known.priority = entry.priority
      // A want-have does not take back the block that is already queued for the peer.
      if (known.queued !== 'queued') known.type = entry.type
      else if (entry.type === 'block') known.type = 'block'
      known.sendDontHave = entry.sendDontHave
      return known
    }
    if (this.#wants.size >= this.#maxWants) {
      const victim = this.#victim(entry.priority)
      if (victim === undefined) return undefined
      this.delete(victim)
      displaced(victim)
    }
    const { priority, type, sendDontHave } = entry
    // A view would hold the whole frame in memory for as long as the want is remembered.
    const cid = { ...entry.cid, bytes: entry.cid.bytes.slice() }
    const want: LedgerWant = {
      ...{ cid, priority, type, sendDontHave },
      ...{ block: 'unknown', order: this.#order++, queued: 'none', queuedWork: 0, queuedPriority: 0, again: false }
    }
    this.#wants.set(form, want)
    return want
  }

  delete(want: LedgerWant): void {
    if (this.has(want)) this.#wants.delete(want.cid.form)
  }

  #victim(priority: number): LedgerWant | undefined {
    this.#victims ??= [...this.#wants.values()].sort((a, b) => (losesPlaceBefore(a, b) ? 1 : -1))
    const victim = this.#victims.at(-1)
    if (victim === undefined || (victim.block !== 'missing' && victim.priority >= priority)) return undefined
    this.#victims.pop()
    return this.has(victim) ? victim : this.#victim(priority)
  }
}

/** Which peers want which block. */
export class WantIndex {
  readonly #wants = new Map<BlockKey, Map<string, Set<LedgerWant>>>()
  #size = 0

  /** Wants of all peers. */
  get size(): number {
    return this.#size
  }

  add(peer: string, want: LedgerWant): void {
    let peers = this.#wants.get(want.cid.key)
    if (peers === undefined) this.#wants.set(want.cid.key, (peers = new Map<string, Set<LedgerWant>>()))
    let wants = peers.get(peer)
    if (wants === undefined) peers.set(peer, (wants = new Set<LedgerWant>()))
    if (wants.has(want)) return
    wants.add(want)
    this.#size += 1
  }

  delete(peer: string, want: LedgerWant): void {
    const peers = this.#wants.get(want.cid.key)
    const wants = peers?.get(peer)
    if (peers === undefined || wants?.delete(want) !== true) return
    this.#size -= 1
    if (wants.size === 0) peers.delete(peer)
    if (peers.size === 0) this.#wants.delete(want.cid.key)
  }

  has(key: BlockKey): boolean {
    return this.#wants.has(key)
  }

  holds(peer: string, want: LedgerWant): boolean {
    return this.#wants.get(want.cid.key)?.get(peer)?.has(want) === true
  }

  *of(key: BlockKey): Generator<{ peer: string; want: LedgerWant }, void, undefined> {
    for (const [peer, wants] of this.#wants.get(key) ?? []) {
      for (const want of wants) yield { peer, want }
    }
  }
}

function losesPlaceBefore(a: LedgerWant, b: LedgerWant): boolean {
  const missing = Number(b.block === 'missing') - Number(a.block === 'missing')
  if (missing !== 0) return missing < 0
  return a.priority === b.priority ? a.order < b.order : a.priority < b.priority
}
