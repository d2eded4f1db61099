import type { BlockKey } from '../cid/key.ts'
import type { WireCid } from '../cid/parse.ts'
import { BlockPresence } from './block-presence.ts'
import { ClientPeer } from './client-peer.ts'
import type { DontHaveTimeoutOptions } from './dont-have-timeout.ts'
import type { ComposedEntry } from './peer-wants.ts'
import { Room } from './room.ts'
import { SessionState, type SessionScope } from './session-state.ts'
import type { Want } from './want.ts'
import { chooseAmong } from './want-assigner.ts'
import { type WantLimits, WantTable } from './want-table.ts'

/** Limits and times of the client. @see bitswap.md §4.3.3, §4.10 */
export interface ClientSettings extends WantLimits {
  /** Wants that stand at one peer. */
  readonly maxWantsPerPeer: number
  /** Bytes asked for and not yet here, of all peers. */
  readonly maxInFlightBytes: number
  /** A peer that stays silent counts as one that denied. */
  readonly simulateDontHave: boolean
  readonly dontHaveTimeout: DontHaveTimeoutOptions
}

/** What a peer answered, after its blocks were verified. */
export interface Answers {
  readonly blocks: readonly { readonly key: BlockKey; readonly bytes: number }[]
  readonly haves: readonly WireCid[]
  readonly dontHaves: readonly WireCid[]
}

/** A want as the status shows it. */
export interface WantState {
  readonly forms: readonly [WireCid, ...WireCid[]]
  readonly type: 'block' | 'have'
  readonly broadcast: boolean
  readonly askedPeers: number
}

/** Wants that a session without members asks of everybody at once. @see bitswap.md §2.2 */
const BROADCAST_WANTS = 64
/** Wants without any answer are looked for this often. */
const RESEND_CHECK_MS = 15_000
/** Blocks of a peer are looked at this long after the last want at it. @see bitswap.md §4.7 */
const EXPECTED_AFTER_MS = 60_000

/**
 * What this peer wants, and of whom it asks it. No promise, timer or socket: calls go in, with the time; `wake` says
 * which peer has something to be told, and `compose` gives it.
 *
 * A session without members asks every connected peer whether it has the block; who has it becomes a member and is
 * asked for the block, and for the next ones of the session straight away. A peer that denies, stays silent or
 * disconnects is followed by the next; when nobody is left, everybody is asked, and peers that connect later are, too.
 *
 * @see bitswap.md §2.3, §4.8
 */
export class Client {
  readonly #settings: ClientSettings
  readonly #wake: (peer: string) => void
  readonly #random: () => number
  readonly #wants: WantTable
  readonly #sessions = new Set<SessionState>()
  readonly #peers = new Map<string, ClientPeer>()
  readonly #presence = new BlockPresence()
  readonly #room: Room
  #nextSession = 1
  #nextResendCheckMs = 0

  constructor(settings: ClientSettings, wake: (peer: string) => void, random: () => number) {
    this.#settings = settings
    this.#wants = new WantTable(settings)
    this.#room = new Room(settings.maxInFlightBytes)
    this.#wake = wake
    this.#random = random
  }

  get wantCount(): number {
    return this.#wants.size
  }

  /** Whether `tick` has something to watch. */
  get busy(): boolean {
    return this.#wants.size > 0
  }

  openSession(scope: SessionScope): SessionState {
    const session = new SessionState(this.#nextSession++, scope)
    this.#sessions.add(session)
    return session
  }

  closeSession(session: SessionState, nowMs: number): void {
    this.#sessions.delete(session)
    session.open.clear()
    for (const key of [...session.wants]) this.unwant(session, key, nowMs)
    this.#room.waits(session, false)
  }

  /** @throws WantlistFullError when the session or this peer has as many wants as it may */
  want(session: SessionState, cid: WireCid, nowMs: number): void {
    const want = this.#wants.join(session, cid)
    if (session.nextTickMs === Infinity) session.armTick(nowMs)
    this.#reopen(want)
    this.#schedule(session, nowMs)
  }

  unwant(session: SessionState, key: BlockKey, nowMs: number): void {
    const want = this.#wants.leave(session, key)
    if (want !== undefined) this.#remove(want, nowMs)
    this.#scheduleAll([session], nowMs)
  }

  /** The peer may have what the session wants: it is asked before others. */
  addMember(session: SessionState, peer: string, nowMs: number): void {
    if (session.members.has(peer)) return
    session.members.set(peer, 0)
    this.#reopenAll(session)
    this.#schedule(session, nowMs)
  }

  /** Blocks are here now, but not from a peer: nobody is to send them any more. */
  localBlocks(keys: Iterable<BlockKey>, nowMs: number): void {
    const touched = new Set<SessionState>()
    for (const key of keys) {
      const want = this.#wants.get(key)
      if (want === undefined) continue
      for (const session of want.sessions) touched.add(session)
      this.#remove(want, nowMs)
    }
    this.#scheduleAll(touched, nowMs)
  }

  peerConnected(peer: string, nowMs: number): void {
    if (this.#peers.has(peer)) return
    const { maxWantsPerPeer, dontHaveTimeout } = this.#settings
    this.#peers.set(peer, new ClientPeer(peer, maxWantsPerPeer, dontHaveTimeout))
    for (const session of this.#sessions) {
      const others = [...session.members.keys()].some((member) => member !== peer && this.#peers.has(member))
      if (others && !session.members.has(peer)) continue
      this.#reopenAll(session)
      this.#schedule(session, nowMs)
    }
    for (const want of this.#wants.values()) {
      if (want.broadcast) this.#askWhetherHave(want)
    }
  }

  peerDisconnected(peer: string, nowMs: number): void {
    const gone = this.#peers.get(peer)
    if (gone === undefined) return
    for (const key of [...gone.window.keys()]) this.#unask(key)
    this.#peers.delete(peer)
    this.#presence.forgetPeer(peer)
    for (const session of this.#sessions) this.#reopenAll(session)
    this.#scheduleAll(this.#sessions, nowMs)
  }

  /** The stream to the peer broke: what it was sent may not have arrived. */
  laneReset(peer: string): void {
    const state = this.#peers.get(peer)
    if (state === undefined) return
    state.wants.resendAll()
    if (state.wants.pending) this.#wake(peer)
  }

  /** Bytes of any kind came from the peer. */
  active(peer: string, nowMs: number): void {
    this.#peers.get(peer)?.timeout.active(nowMs)
  }

  /** Whether a block with this kind of hash is to be looked at when this peer sends it. */
  expects(peer: string, hashCode: number, digestLength: number, nowMs: number): boolean {
    const state = this.#peers.get(peer)
    if (state === undefined || !this.#wants.hasHash(hashCode, digestLength)) return false
    return state.wants.registered > 0 || nowMs - state.lastWantMs <= EXPECTED_AFTER_MS
  }

  /** Takes in one message. @returns the keys of its blocks that were wanted */
  received(peer: string, answers: Answers, nowMs: number): Set<BlockKey> {
    const state = this.#peers.get(peer)
    const wanted = new Set<BlockKey>()
    const touched = new Set<SessionState>()
    for (const { key, bytes } of answers.blocks) {
      state?.answered(key, 'block', nowMs)
      state?.window.delivered(bytes, nowMs)
      const want = this.#wants.get(key)
      if (want === undefined) continue
      wanted.add(key)
      for (const session of want.sessions) {
        touched.add(session)
        session.delivered(bytes, nowMs)
        this.#member(session, peer, 1)
      }
      this.#remove(want, nowMs)
    }
    for (const { key } of answers.haves) {
      const want = this.#wants.get(key)
      if (want === undefined || state === undefined) continue
      state.answered(key, 'have', nowMs)
      this.#presence.have(peer, key)
      for (const session of want.sessions) {
        touched.add(session)
        this.#member(session, peer, 0)
      }
      this.#reopen(want)
    }
    for (const cid of answers.dontHaves) {
      const { key } = cid
      const want = this.#wants.get(key)
      if (want === undefined || state === undefined) continue
      state.answered(key, 'dont-have', nowMs)
      this.#presence.denied(peer, cid)
      if (want.askedPeer === peer) this.#unask(key)
      for (const session of want.sessions) touched.add(session)
      this.#reopen(want)
    }
    this.#scheduleAll(touched, nowMs)
    if (state?.wants.pending === true) this.#wake(peer)
    return wanted
  }

  /** Lets time pass: silent peers are given up, idle sessions ask again. Call it a few times a second while `busy`. */
  tick(nowMs: number): void {
    const touched = new Set<SessionState>()
    if (this.#settings.simulateDontHave) {
      for (const peer of this.#peers.values()) {
        for (let oldest = peer.window.oldest(); oldest !== undefined; oldest = peer.window.oldest()) {
          if (!peer.timeout.expired(oldest.sinceMs, nowMs)) break
          this.#presence.silent(peer.name, oldest.key, nowMs)
          for (const session of this.#unask(oldest.key)?.sessions ?? []) touched.add(session)
        }
      }
    }
    if (nowMs >= this.#nextResendCheckMs) {
      this.#nextResendCheckMs = nowMs + RESEND_CHECK_MS
      for (const { name, wants } of this.#peers.values()) {
        wants.resendUnanswered(nowMs)
        if (wants.pending) this.#wake(name)
      }
    }
    for (const session of this.#sessions) {
      if (nowMs < session.nextTickMs) continue
      session.ticked(nowMs)
      session.broadcast.clear()
      this.#reopenAll(session)
      touched.add(session)
    }
    this.#scheduleAll(touched, nowMs)
  }

  /** Whether there is something to tell the peer, and whether that should not wait. */
  outgoing(peer: string): 'none' | 'lazy' | 'urgent' {
    const wants = this.#peers.get(peer)?.wants
    if (wants?.pending !== true) return 'none'
    return wants.urgent ? 'urgent' : 'lazy'
  }

  /** The entries of the next message to the peer; empty when there is nothing to tell. */
  compose(peer: string, supportsHave: boolean, nowMs: number): readonly ComposedEntry[] {
    return this.#peers.get(peer)?.compose(supportsHave, nowMs) ?? []
  }

  *wantlist(): Generator<WantState, void, undefined> {
    for (const { key, forms, broadcast, askedPeer } of this.#wants.values()) {
      let askedPeers = 0
      for (const { wants } of this.#peers.values()) askedPeers += Number(wants.has(key))
      yield { forms, type: askedPeer === undefined ? 'have' : 'block', broadcast, askedPeers }
    }
  }

  /** Sessions that wait for room come first, then those to which something happened. */
  #scheduleAll(sessions: Iterable<SessionState>, nowMs: number): void {
    for (const session of this.#room.next()) this.#schedule(session, nowMs)
    for (const session of sessions) this.#schedule(session, nowMs)
  }

  #schedule(session: SessionState, nowMs: number): void {
    const members = this.#candidates(session)
    if (members.length === 0) this.#discover(session)
    this.#room.waits(session, members.length > 0 && this.#assign(session, members, nowMs))
  }

  /** Finds a peer for each want of the session that may be asked now. @returns whether some only lack room */
  #assign(session: SessionState, members: readonly ClientPeer[], nowMs: number): boolean {
    let waits = false
    for (const key of session.open) {
      const want = this.#wants.get(key)
      if (want === undefined || want.askedPeer !== undefined) {
        session.open.delete(key)
        continue
      }
      const withRoom = members.filter((peer) => this.#room.has(peer, session))
      if (withRoom.length === 0) return true
      const choice = chooseAmong(
        members.map((peer) => ({
          peer,
          rank: this.#presence.rank(peer.name, key, want.forms, nowMs),
          hasRoom: withRoom.includes(peer),
          deliveries: session.members.get(peer.name) ?? 0
        })),
        this.#random
      )
      if (choice === 'wait') {
        waits = true
        continue
      }
      session.open.delete(key)
      if (choice === 'nobody') this.#broadcast(session, want)
      else this.#ask(want, choice, session.blockBytes, nowMs)
    }
    return waits
  }

  /** The peers whose blocks the session may ask for without asking whether they have them. */
  #candidates(session: SessionState): ClientPeer[] {
    const members: ClientPeer[] = []
    for (const name of session.members.keys()) {
      const peer = this.#peers.get(name)
      if (peer !== undefined) members.push(peer)
    }
    // With one peer there is nothing to find out: asking for the block at once saves a round trip.
    if (members.length > 0 || !session.scope.broadcast || this.#peers.size !== 1) return members
    return [...this.#peers.values()]
  }

  /** A session without members asks everybody, for some of its wants at a time. */
  #discover(session: SessionState): void {
    for (const key of session.open) {
      if (session.broadcast.size >= BROADCAST_WANTS) return
      const want = this.#wants.get(key)
      session.open.delete(key)
      if (want === undefined || want.askedPeer !== undefined) continue
      session.broadcast.add(key)
      // The next round begins with those whose turn it was not.
      session.wants.delete(key)
      session.wants.add(key)
      this.#broadcast(session, want)
    }
  }

  #broadcast(session: SessionState, want: Want): void {
    if (!session.scope.broadcast) return
    want.broadcast = true
    this.#askWhetherHave(want)
  }

  #askWhetherHave(want: Want): void {
    for (const { name, wants } of this.#peers.values()) {
      if (wants.has(want.key)) continue
      wants.askHave(this.#presence.form(name, want.key, want.forms))
      if (wants.pending) this.#wake(name)
    }
  }

  #ask(want: Want, peer: ClientPeer, expectedBytes: number, nowMs: number): void {
    want.askedPeer = peer.name
    this.#room.take(peer, want.key, expectedBytes, nowMs)
    peer.wants.askBlock(this.#presence.form(peer.name, want.key, want.forms))
    this.#wake(peer.name)
  }

  /** Nobody owes the block any more. */
  #unask(key: BlockKey): Want | undefined {
    const want = this.#wants.get(key)
    const peer = want?.askedPeer === undefined ? undefined : this.#peers.get(want.askedPeer)
    if (want === undefined || peer === undefined) return undefined
    this.#room.release(peer, key)
    want.askedPeer = undefined
    this.#reopen(want)
    return want
  }

  #reopen(want: Want): void {
    if (want.askedPeer !== undefined) return
    for (const session of want.sessions) session.open.add(want.key)
  }

  #reopenAll(session: SessionState): void {
    for (const key of session.wants) {
      if (this.#wants.get(key)?.askedPeer === undefined) session.open.add(key)
    }
  }

  /** The peer has blocks of the session. What nobody owes yet may be asked of a new member. */
  #member(session: SessionState, peer: string, deliveries: number): void {
    const known = session.members.get(peer)
    if (known === undefined && session.scope.fixedPeers) return
    session.members.set(peer, (known ?? 0) + deliveries)
    if (known === undefined) this.#reopenAll(session)
  }

  #remove(want: Want, nowMs: number): void {
    this.#unask(want.key)
    this.#wants.remove(want)
    this.#presence.forgetBlock(want.key)
    for (const peer of this.#peers.values()) {
      if (peer.cancel(want.key, nowMs) && peer.wants.pending) this.#wake(peer.name)
    }
  }
}
