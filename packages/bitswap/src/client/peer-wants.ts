import type { BlockKey } from '../cid/key.ts'
import type { WireCid } from '../cid/parse.ts'
import { MAX_COMPOSED_BYTES, MAX_PRIORITY } from '../wire/constants.ts'
import { entryBytes } from '../wire/encode.ts'
import type { OutgoingEntry, WantType } from '../wire/message.ts'

/** A want that the peer has been sent and has not been told to forget. */
interface RegisteredWant {
  /** Exactly what was sent: a cancel must repeat it. */
  readonly cid: WireCid
  type: WantType
  sentAtMs: number
  /** When it was sent for the first time. */
  readonly sinceMs: number
  answer: 'none' | 'have' | 'dont-have'
}

/** An entry of the next message, with the block that it is about. */
export interface ComposedEntry extends OutgoingEntry {
  /** Absent for a cancel. */
  readonly key?: BlockKey
}

interface PendingWant {
  readonly cid: WireCid
  readonly type: WantType
  readonly sendDontHave: boolean
}

/** A want without any answer is sent again after this time, as boxo does. @see bitswap.md §2.2 */
const RESEND_AFTER_MS = 30_000
/** A broadcast want that stayed unanswered this long may make room for others. @see bitswap.md §4.8.4 */
const UNANSWERED_ROOM_MS = 60_000
/** Longer answers say nothing about the latency. */
const MAX_LATENCY_SAMPLE_MS = 30_000

/**
 * The want list of ours at one peer: what it was sent, and what it should be sent next. Wants that nobody sent yet
 * merge; a cancel of one that was never sent makes no traffic.
 *
 * At most `maxRegistered` wants stand at the peer, since servers remember 1024 and drop the rest without a word.
 *
 * @see bitswap.md §2.3.11, §4.8.4
 */
export class PeerWants {
  readonly #maxRegistered: number
  readonly #registered = new Map<BlockKey, RegisteredWant>()
  /** Registered wants that the peer denied, oldest first: they make room when the list is full. */
  readonly #denied = new Set<BlockKey>()
  readonly #blocks = new Map<BlockKey, PendingWant>()
  readonly #haves = new Map<BlockKey, PendingWant>()
  readonly #cancels = new Map<string, WireCid>()
  #priority = MAX_PRIORITY

  constructor(maxRegistered: number) {
    this.#maxRegistered = maxRegistered
  }

  /** Wants that stand at the peer. */
  get registered(): number {
    return this.#registered.size
  }

  /** Whether there is something to tell the peer now. */
  get pending(): boolean {
    if (this.#cancels.size > 0) return true
    if (this.#blocks.size + this.#haves.size === 0) return false
    if (this.#registered.size < this.#maxRegistered || this.#denied.size > 0) return true
    // What stands there already needs no place.
    return this.#blocks.keys().some((key) => this.#registered.has(key))
  }

  /** Whether what is pending should not wait for more to come. */
  get urgent(): boolean {
    return this.#blocks.size > 0
  }

  /** Whether the peer knows the want, or is about to. */
  has(key: BlockKey): boolean {
    return this.#registered.has(key) || this.#blocks.has(key) || this.#haves.has(key)
  }

  /** Asks for the block, also when it was asked for before. */
  askBlock(cid: WireCid): void {
    this.#haves.delete(cid.key)
    this.#replaceForm(cid)
    this.#blocks.set(cid.key, { cid, type: 'block', sendDontHave: true })
  }

  /** Asks whether the peer has the block, unless it was asked already. */
  askHave(cid: WireCid): void {
    const { key } = cid
    if (this.#blocks.has(key) || this.#haves.has(key)) return
    if (this.#registered.has(key)) return
    this.#cancels.delete(cid.form)
    this.#haves.set(key, { cid, type: 'have', sendDontHave: false })
  }

  /** Takes the want back. */
  cancel(key: BlockKey): void {
    this.#blocks.delete(key)
    this.#haves.delete(key)
    this.#denied.delete(key)
    const standing = this.#registered.get(key)
    if (standing === undefined) return
    this.#registered.delete(key)
    this.#cancels.set(standing.cid.form, standing.cid)
  }

  /**
   * Notes an answer.
   *
   * @returns how long it took in milliseconds, if it is the first answer to this want and says something
   */
  answered(key: BlockKey, answer: 'have' | 'dont-have' | 'block', nowMs: number): number | undefined {
    const standing = this.#registered.get(key)
    if (standing === undefined) return undefined
    const tookMs = nowMs - standing.sentAtMs
    const first = standing.answer === 'none'
    if (answer === 'block') {
      // The server forgets the want with the block, unless a want-block crossed its answer to the want-have.
      this.#denied.delete(key)
    } else {
      standing.answer = answer
      if (answer === 'dont-have') this.#denied.add(key)
      else if (standing.type === 'have') this.#registered.delete(key)
    }
    return first && tookMs < MAX_LATENCY_SAMPLE_MS ? tookMs : undefined
  }

  /** Everything that stands at the peer goes out again: the stream that carried it broke. */
  resendAll(): void {
    for (const { cid, type } of this.#registered.values()) this.#resend(cid, type)
    this.#registered.clear()
    this.#denied.clear()
  }

  /** Wants that had no answer for long go out again. */
  resendUnanswered(nowMs: number): void {
    for (const { cid, type, sentAtMs, answer } of this.#registered.values()) {
      if (answer === 'none' && nowMs - sentAtMs >= RESEND_AFTER_MS) this.#resend(cid, type)
    }
  }

  /**
   * Takes out what goes into the next message: cancels, then want-blocks, then want-haves, at most 2 MiB.
   *
   * @param supportsHave - false for a peer before 1.2.0: want-haves become want-blocks
   */
  compose(supportsHave: boolean, nowMs: number): ComposedEntry[] {
    const entries: ComposedEntry[] = []
    let size = 0
    const add = (entry: ComposedEntry): void => {
      entries.push(entry)
      size += entryBytes(entry)
    }
    for (const [form, cid] of this.#cancels) {
      if (size >= MAX_COMPOSED_BYTES) return entries
      this.#cancels.delete(form)
      add({ cid: cid.bytes, priority: 0, cancel: true, type: 'block', sendDontHave: false })
    }
    for (const wants of [this.#blocks, this.#haves]) {
      for (const [key, want] of wants) {
        if (size >= MAX_COMPOSED_BYTES) return entries
        const standing = this.#registered.get(key)
        if (standing === undefined && !this.#makeRoom(add, nowMs)) continue
        wants.delete(key)
        const type = supportsHave ? want.type : 'block'
        add({
          key,
          cid: want.cid.bytes,
          priority: this.#priority,
          cancel: false,
          type,
          sendDontHave: want.sendDontHave
        })
        this.#priority -= 1
        this.#registered.delete(key)
        const sinceMs = standing?.sinceMs ?? nowMs
        this.#registered.set(key, { cid: want.cid, type, sentAtMs: nowMs, sinceMs, answer: 'none' })
        this.#denied.delete(key)
      }
    }
    return entries
  }

  #resend(cid: WireCid, type: WantType): void {
    const { key } = cid
    if (this.#blocks.has(key)) return
    this.#haves.delete(key)
    if (type === 'block') this.#blocks.set(key, { cid, type, sendDontHave: true })
    else this.#haves.set(key, { cid, type, sendDontHave: false })
  }

  /** One form of a CID at a time: the one that stands there is taken back when another is asked for. */
  #replaceForm({ key, form }: WireCid): void {
    this.#cancels.delete(form)
    const standing = this.#registered.get(key)
    if (standing === undefined || standing.cid.form === form) return
    this.#registered.delete(key)
    this.#denied.delete(key)
    this.#cancels.set(standing.cid.form, standing.cid)
  }

  /** Makes sure one more want fits at the peer, by taking back one that is of no use. */
  #makeRoom(add: (entry: ComposedEntry) => void, nowMs: number): boolean {
    if (this.#registered.size < this.#maxRegistered) return true
    const key = this.#denied.values().next().value ?? this.#longUnanswered(nowMs)
    const standing = key === undefined ? undefined : this.#registered.get(key)
    if (key === undefined || standing === undefined) return false
    this.#registered.delete(key)
    this.#denied.delete(key)
    add({ cid: standing.cid.bytes, priority: 0, cancel: true, type: 'block', sendDontHave: false })
    return true
  }

  #longUnanswered(nowMs: number): BlockKey | undefined {
    for (const [key, { type, sinceMs, answer }] of this.#registered) {
      if (type === 'have' && answer === 'none' && nowMs - sinceMs >= UNANSWERED_ROOM_MS) return key
    }
    return undefined
  }
}
