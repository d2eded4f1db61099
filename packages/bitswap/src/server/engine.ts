import type { BlockKey } from '../cid/key.ts'
import { IDENTITY, type WireCid } from '../cid/parse.ts'
import { MAX_BLOCK_BYTES, MAX_CID_BYTES, MAX_COMPOSED_BYTES } from '../wire/constants.ts'
import type { WantlistEntry } from '../wire/message.ts'
import { BinaryHeap } from './binary-heap.ts'
import { type LedgerWant, PeerLedger, WantIndex } from './peer-ledger.ts'

/** Limits of the server. @see bitswap.md §4.3.3 */
export interface EngineSettings {
  /** Wants remembered of one peer. */
  readonly maxWantsPerPeer: number
  /** Wants remembered of all peers. */
  readonly remoteWants: number
  /** A message is full at this many bytes of work; a single larger block still travels. */
  readonly targetMessageBytes: number
  /** A want-have for a block of at most this size is answered with the block; 0 = never. */
  readonly wantHaveReplaceBytes: number
  /** False: a want of this peer for this block is denied. */
  readonly mayHave: (peer: string, cid: WireCid) => boolean
}

/** One answer: to be sent when `sent` or put back when `failed`. */
export interface Task {
  readonly want: LedgerWant
  readonly answer: 'block' | 'have' | 'dont-have'
  /** Bytes that it will take about. */
  readonly work: number
}

/** The answers of one message. */
export interface Envelope {
  readonly tasks: readonly Task[]
  /** Bytes of work that stay queued for the peer. */
  readonly pendingBytes: number
}

interface ServedPeer {
  readonly ledger: PeerLedger
  readonly queue: BinaryHeap<QueuedTask>
  /** Bytes of work in the queue. */
  queuedBytes: number
}

interface QueuedTask {
  readonly want: LedgerWant
  /** The want may have been queued again with a higher one: then this is passed over. */
  readonly priority: number
}

/** What a presence weighs besides its CID. */
const PRESENCE_BYTES = 8

/**
 * Decides what peers are sent: it remembers what they want, and hands out the answers in the order of priority.
 * No promise, socket or blockstore: sizes of blocks are told with `found`, `wake` says which peer has answers waiting,
 * and `next` gives them.
 *
 * A want is remembered after DONT_HAVE, so that a block that comes later is pushed. It ends with the block, with the
 * HAVE for a want-have, with a cancel, or when the peer leaves.
 *
 * @see bitswap.md §2.4, §4.9
 */
export class Engine {
  readonly #settings: EngineSettings
  readonly #wake: (peer: string) => void
  readonly #peers = new Map<string, ServedPeer>()
  readonly #index = new WantIndex()

  constructor(settings: EngineSettings, wake: (peer: string) => void) {
    this.#settings = settings
    this.#wake = wake
  }

  peerConnected(peer: string): void {
    if (this.#peers.has(peer)) return
    this.#peers.set(peer, {
      ledger: new PeerLedger(this.#settings.maxWantsPerPeer),
      queue: new BinaryHeap(comesBefore),
      queuedBytes: 0
    })
  }

  /** Forgets everything of the peer. */
  peerDisconnected(peer: string): void {
    this.#clear(peer)
    this.#peers.delete(peer)
  }

  /**
   * Takes in a want list.
   *
   * @returns the wants whose blocks should be looked up now, to be told with `found`
   */
  received(peer: string, entries: readonly WantlistEntry[], full: boolean): LedgerWant[] {
    const served = this.#peers.get(peer)
    if (served === undefined) return []
    if (full) this.#clear(peer)
    const merged = mergeEntries(entries)
    for (const { cid, cancel } of merged) {
      const known = cancel ? served.ledger.get(cid) : undefined
      if (known !== undefined) this.#forget(peer, served, known)
    }
    served.ledger.begin()
    const wants: LedgerWant[] = []
    // Highest priorities first: if there are more than fit, these stay.
    for (const entry of merged.filter(isServed).sort((a, b) => b.priority - a.priority)) {
      const want = this.#register(peer, served, entry)
      if (want !== undefined) wants.push(want)
    }
    return wants
  }

  /** The size of the block that a want asks for, or that it is not there. */
  found(peer: string, want: LedgerWant, bytes: number | undefined): void {
    const served = this.#peers.get(peer)
    if (served?.ledger.has(want) !== true) return
    // A block that was announced while it was looked up is there, whatever the look-up saw.
    if (bytes === undefined && typeof want.block === 'number' && want.queued !== 'none') return
    if (bytes !== undefined && want.queued === 'sending' && want.block === 'missing') want.again = true
    want.block = bytes === undefined || bytes > MAX_BLOCK_BYTES ? 'missing' : bytes
    this.#enqueue(peer, served, want)
  }

  /** Whether some peer waits for the block. */
  isWanted(key: BlockKey): boolean {
    return this.#index.has(key)
  }

  /** The block is in the store now: peers that want it get it. */
  announced(key: BlockKey, bytes: number): void {
    if (bytes > MAX_BLOCK_BYTES) return
    for (const { peer, want } of this.#index.of(key)) {
      const served = this.#peers.get(peer)
      if (served === undefined) continue
      if (want.queued === 'sending' && want.block === 'missing') want.again = true
      want.block = bytes
      this.#enqueue(peer, served, want)
    }
  }

  hasWork(peer: string): boolean {
    return (this.#peers.get(peer)?.queue.size ?? 0) > 0
  }

  /** The answers of the next message; `undefined` when there is nothing to say. */
  next(peer: string): Envelope | undefined {
    const served = this.#peers.get(peer)
    if (served === undefined) return undefined
    const tasks: Task[] = []
    let work = 0
    for (let top = served.queue.peek(); top !== undefined; top = served.queue.peek()) {
      const { want } = top
      const task = isCurrent(top) ? this.#taskOf(want) : undefined
      if (task !== undefined && tasks.length > 0 && work + task.work > MAX_COMPOSED_BYTES) break
      served.queue.pop()
      if (isCurrent(top)) this.#unqueue(served, want)
      if (task === undefined) continue
      want.queued = 'sending'
      want.again = false
      tasks.push(task)
      work += task.work
      if (work >= this.#settings.targetMessageBytes) break
    }
    return tasks.length === 0 ? undefined : { tasks, pendingBytes: served.queuedBytes }
  }

  /** The answers have left: what they settle is forgotten. */
  sent(peer: string, tasks: readonly Task[]): void {
    const served = this.#peers.get(peer)
    if (served === undefined) return
    for (const { want, answer } of tasks) {
      if (!served.ledger.has(want)) continue
      want.queued = 'none'
      // A want renewed while its block was on the way is answered by that block.
      const settled = answer === 'block' || (answer === 'have' && want.type === 'have')
      if (settled || !this.#index.holds(peer, want)) this.#forget(peer, served, want)
      else if (want.again || (answer === 'have' && want.type === 'block')) this.#enqueue(peer, served, want)
    }
  }

  /**
   * The block of a task is not in the store any more.
   *
   * @returns what to answer instead
   */
  vanished({ want }: Task): Task | undefined {
    want.block = 'missing'
    return this.#taskOf(want)
  }

  /** The answers did not leave: they go to the queue again. */
  failed(peer: string, tasks: readonly Task[]): void {
    const served = this.#peers.get(peer)
    if (served === undefined) return
    for (const { want } of tasks) {
      if (!served.ledger.has(want)) continue
      want.queued = 'none'
      this.#enqueue(peer, served, want)
    }
  }

  /** What the peer wants. */
  wantlist(peer: string): Iterable<LedgerWant> {
    return this.#peers.get(peer)?.ledger.values() ?? []
  }

  /** @returns the want if its block is to be looked up */
  #register(peer: string, served: ServedPeer, entry: WantlistEntry): LedgerWant | undefined {
    const allowed = this.#settings.mayHave(peer, entry.cid)
    if (!allowed && !entry.sendDontHave) return undefined
    if (this.#index.size >= this.#settings.remoteWants && served.ledger.get(entry.cid) === undefined) return undefined
    const before = served.ledger.get(entry.cid)?.type
    const want = served.ledger.add(entry, (displaced) => {
      this.#forget(peer, served, displaced)
    })
    if (want === undefined) return undefined
    if (allowed) {
      this.#index.add(peer, want)
      // What is on its way answers the same question; another one gets another answer.
      if (want.queued === 'sending' && before === 'have' && want.type === 'block') want.again = true
      return want
    }
    // Not in the index: a block that comes later is not pushed.
    want.block = 'missing'
    this.#enqueue(peer, served, want)
    return undefined
  }

  /** Queues the answer to a want, or renews the place of the one that is queued. */
  #enqueue(peer: string, served: ServedPeer, want: LedgerWant): void {
    if (want.queued === 'sending') return
    const task = this.#taskOf(want)
    if (task === undefined) {
      this.#unqueue(served, want)
      return
    }
    const better = want.queued === 'none' || want.priority > want.queuedPriority
    if (better && !this.#push(served, want)) return
    served.queuedBytes += task.work - want.queuedWork
    want.queuedWork = task.work
    want.queued = 'queued'
    this.#wake(peer)
  }

  #push(served: ServedPeer, want: LedgerWant): boolean {
    const limit = 2 * this.#settings.maxWantsPerPeer
    // Wants that were cancelled or queued anew leave entries behind.
    if (served.queue.size >= limit) served.queue.filter(isCurrent)
    if (served.queue.size >= limit) return false
    want.queuedPriority = want.priority
    served.queue.push({ want, priority: want.priority })
    return true
  }

  #unqueue(served: ServedPeer, want: LedgerWant): void {
    if (want.queued !== 'queued') return
    served.queuedBytes -= want.queuedWork
    want.queuedWork = 0
    want.queued = 'none'
  }

  #taskOf(want: LedgerWant): Task | undefined {
    const presence = want.cid.bytes.length + PRESENCE_BYTES
    if (want.block === 'unknown') return undefined
    if (want.block === 'missing') {
      return want.sendDontHave ? { want, answer: 'dont-have', work: presence } : undefined
    }
    const limit = this.#settings.wantHaveReplaceBytes
    if (want.type === 'have' && (want.block > limit || limit === 0)) {
      return { want, answer: 'have', work: presence }
    }
    return { want, answer: 'block', work: want.block + presence }
  }

  #forget(peer: string, served: ServedPeer, want: LedgerWant): void {
    this.#unqueue(served, want)
    served.ledger.delete(want)
    this.#index.delete(peer, want)
  }

  #clear(peer: string): void {
    const served = this.#peers.get(peer)
    if (served === undefined) return
    for (const want of [...served.ledger.values()]) this.#forget(peer, served, want)
  }
}

/** Whether a want asks for something that may be looked up. @see bitswap.md §1.7, §1.9 */
function isServed({ cid, cancel }: WantlistEntry): boolean {
  return !cancel && cid.bytes.length <= MAX_CID_BYTES && cid.hashCode !== IDENTITY
}

function isCurrent({ want, priority }: QueuedTask): boolean {
  return want.queued === 'queued' && want.queuedPriority === priority
}

function comesBefore(a: QueuedTask, b: QueuedTask): boolean {
  return a.priority === b.priority ? a.want.order < b.want.order : a.priority > b.priority
}

/**
 * Entries of one message about one CID become one: cancel and sendDontHave stick, a want-block beats a want-have, and
 * the priority changes only with the same type.
 *
 * @see bitswap.md §1.5
 */
function mergeEntries(entries: readonly WantlistEntry[]): WantlistEntry[] {
  const merged = new Map<string, WantlistEntry>()
  for (const entry of entries) {
    const { form } = entry.cid
    const before = merged.get(form)
    merged.set(
      form,
      before === undefined
        ? entry
        : {
            cid: entry.cid,
            cancel: before.cancel || entry.cancel,
            sendDontHave: before.sendDontHave || entry.sendDontHave,
            type: before.type === 'block' ? 'block' : entry.type,
            priority: before.type === entry.type ? entry.priority : before.priority
          }
    )
  }
  return [...merged.values()]
}
