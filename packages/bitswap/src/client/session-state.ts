import type { BlockKey } from '../cid/key.ts'

/** Expected size of a block before the session has seen one: what most files are cut into. */
const FIRST_ESTIMATE_BYTES = 256 * 1024
const ESTIMATE_ALPHA = 0.2
/** First idle tick of a session, and what each further one adds. @see bitswap.md §2.3.5 */
const TICK_MS = 1000
const MAX_TICK_MS = 60_000

/** Which peers a session may ask. */
export interface SessionScope {
  /** False: only peers that were given. */
  readonly broadcast: boolean
  /** True: members are only the peers that were given. */
  readonly fixedPeers: boolean
}

/** The bookkeeping of a session: a group of wants, and the peers that had one of them. */
export class SessionState {
  readonly id: number
  readonly scope: SessionScope
  /** Peers that delivered or said HAVE, with the number of their deliveries. They stay members when they disconnect. */
  readonly members = new Map<string, number>()
  /** All wants, in the order in which they are broadcast. */
  readonly wants = new Set<BlockKey>()
  /** Wants that may be asked of a peer now. */
  readonly open = new Set<BlockKey>()
  /** Wants that were broadcast because the session had no member. */
  readonly broadcast = new Set<BlockKey>()
  #blockBytes = FIRST_ESTIMATE_BYTES
  #ticks = 0
  nextTickMs = Infinity

  constructor(id: number, scope: SessionScope) {
    this.id = id
    this.scope = scope
  }

  /** Expected size of a block in bytes. */
  get blockBytes(): number {
    return this.#blockBytes
  }

  delivered(bytes: number, nowMs: number): void {
    this.#blockBytes = Math.ceil(this.#blockBytes * (1 - ESTIMATE_ALPHA) + bytes * ESTIMATE_ALPHA)
    this.#ticks = 0
    this.armTick(nowMs)
  }

  /** The next tick is later each time nothing happens; there is none without wants. */
  armTick(nowMs: number): void {
    this.nextTickMs = this.wants.size === 0 ? Infinity : nowMs + Math.min(TICK_MS * (1 + this.#ticks), MAX_TICK_MS)
  }

  ticked(nowMs: number): void {
    this.#ticks += 1
    this.armTick(nowMs)
  }

  forget(key: BlockKey): void {
    this.wants.delete(key)
    this.open.delete(key)
    this.broadcast.delete(key)
  }
}
