import type { CrdtStorage, StorageOperation } from '../../ports.ts'
import { badEntry, readMany } from '../../store/draft.ts'
import type { Layout } from '../../store/layout.ts'
import { concatBytes } from '../../wire/uvarint.ts'
import type { SnapshotKind } from './message.ts'

/** How far a snapshot was taken in. Each step can be done again. */
export interface IntakeState {
  /** The peer that it comes from: another one cannot go on with it. */
  readonly peer: string
  readonly phase: 'frame' | 'elements' | 'marks' | 'newer' | 'cleaning'
  /** Where the next chunk of elements begins. */
  readonly cursor: string
  /** Chunks of the frame that are kept; from the phase `newer` on, one more stands behind them: the tops. */
  readonly frameChunks: number
  readonly keys: number
  readonly chunks: number
}

/** Keys that are deleted in one write. */
const CHUNK = 1000
const KINDS: readonly SnapshotKind[] = ['heads', 'processed', 'tombstones']
const PHASES: readonly IntakeState['phase'][] = ['frame', 'elements', 'marks', 'newer', 'cleaning']

/**
 * Where a snapshot that is being taken in keeps what it needs to go on after a crash. Every write is durable: a durable
 * one says nothing about earlier ones that were not, so a record could outlive what it is about.
 */
export class IntakeRecords {
  readonly #storage: CrdtStorage
  readonly #layout: Layout

  constructor(storage: CrdtStorage, layout: Layout) {
    this.#storage = storage
    this.#layout = layout
  }

  /** @throws CrdtError `ERR_CRDT_BAD_STORE` */
  async load(signal: AbortSignal): Promise<IntakeState | undefined> {
    const [bytes] = await readMany(this.#storage, [this.#layout.snapshot('state')], { signal })
    if (bytes === undefined) return undefined
    try {
      return checkState(JSON.parse(new TextDecoder().decode(bytes)))
    } catch {
      throw badEntry('error decoding the state of a snapshot', this.#layout.snapshot('state'))
    }
  }

  /** As a part of the write that does the step. */
  save(state: IntakeState): StorageOperation {
    return { put: { key: this.#layout.snapshot('state'), value: new TextEncoder().encode(JSON.stringify(state)) } }
  }

  forget(): StorageOperation {
    return { delete: this.#layout.snapshot('state') }
  }

  /** Keeps a chunk of the frame. */
  keep(number: number, kind: SnapshotKind, data: Uint8Array): Extract<StorageOperation, { put: unknown }> {
    const value = concatBytes(Uint8Array.of(KINDS.indexOf(kind)), data)
    return { put: { key: this.#layout.snapshot(`c/${number.toString().padStart(8, '0')}`), value } }
  }

  async kept(number: number, signal: AbortSignal): Promise<{ kind: SnapshotKind; data: Uint8Array }> {
    const key = this.#layout.snapshot(`c/${number.toString().padStart(8, '0')}`)
    const [value] = await readMany(this.#storage, [key], { signal })
    const kind = KINDS[value?.[0] ?? KINDS.length]
    if (value === undefined || kind === undefined) throw badEntry('error decoding a chunk of a snapshot', key)
    return { kind, data: value.subarray(1) }
  }

  /** Removes the kept chunks; the state stays. */
  async drop(signal: AbortSignal): Promise<void> {
    const state = this.#layout.snapshot('state').toString()
    await this.#remove(this.#layout.snapshots(), signal, (key) => key !== state)
  }

  /**
   * Ends what a former run began and this one does not go on with. Without heads, nobody has used the store since then:
   * it begins as an empty one again. With heads, somebody has, as a Go peer that opened the folder: what it wrote stays,
   * and the store is marked as having gaps, so that a repair walks the whole DAG.
   */
  async end(state: IntakeState | undefined, signal: AbortSignal): Promise<void> {
    if (state !== undefined && !(await this.hasHeads(signal))) {
      await this.clean(state, signal)
      return
    }
    if (state !== undefined) {
      const marks = [this.#layout.dirty(), this.#layout.backfill()]
      const operations = marks.map((key): StorageOperation => ({ put: { key, value: new Uint8Array() } }))
      await this.#storage.commit([...operations, this.forget()], { durable: true })
    }
    await this.drop(signal)
  }

  /** What an earlier version queued to be merged afterwards. */
  async unqueue(signal: AbortSignal): Promise<StorageOperation[]> {
    const operations: StorageOperation[] = []
    for await (const page of this.#storage.scan(this.#layout.frontiers(), { signal })) {
      for (const { key } of page) operations.push({ delete: key })
    }
    return operations
  }

  async hasHeads(signal: AbortSignal): Promise<boolean> {
    for await (const page of this.#storage.scan({ ...this.#layout.heads(), limit: 1 }, { signal })) {
      if (page.length > 0) return true
    }
    return false
  }

  /** How many keys have a value. */
  async countKeys(signal: AbortSignal): Promise<number> {
    let count = 0
    for await (const page of this.#storage.scan(this.#layout.values(), { signal })) {
      for (const { key } of page) if (this.#layout.userKeyOfValue(key) !== undefined) count += 1
    }
    return count
  }

  /**
   * Removes all that a snapshot wrote, to begin as an empty store again. What was acknowledged here and waits for its
   * block stays. The state goes last, so that a crash does not leave half of it.
   */
  async clean(state: IntakeState, signal: AbortSignal): Promise<void> {
    await this.#storage.commit([this.save({ ...state, phase: 'cleaning' })], { durable: true })
    await this.#remove(this.#layout.heads(), signal)
    await this.#remove(this.#layout.allProcessed(), signal)
    await this.#remove(this.#layout.sets(), signal)
    await this.#remove(this.#layout.frontiers(), signal)
    await this.#remove(this.#layout.index(0n), signal)
    await this.drop(signal)
    await this.#storage.commit([{ delete: this.#layout.backfill() }, this.forget()], { durable: true })
  }

  async #remove(
    range: ReturnType<Layout['heads']>,
    signal: AbortSignal,
    isWanted: (key: string) => boolean = () => true
  ): Promise<void> {
    let operations: StorageOperation[] = []
    for await (const page of this.#storage.scan(range, { signal })) {
      for (const { key } of page) if (isWanted(key.toString())) operations.push({ delete: key })
      if (operations.length < CHUNK) continue
      await this.#storage.commit(operations, { durable: true })
      operations = []
    }
    if (operations.length > 0) await this.#storage.commit(operations, { durable: true })
  }
}

/** For a store that takes in no snapshots: ends what a former run began, see {@link IntakeRecords.end}. */
export async function endIntake(storage: CrdtStorage, layout: Layout, signal: AbortSignal): Promise<void> {
  const records = new IntakeRecords(storage, layout)
  await records.end(await records.load(signal), signal)
}

function checkState(value: unknown): IntakeState {
  const state = value as Partial<Record<keyof IntakeState, unknown>>
  const { peer, phase, cursor, frameChunks, keys, chunks } = state
  const known = PHASES.find((name) => name === phase)
  if (typeof peer !== 'string' || typeof cursor !== 'string' || known === undefined) throw new Error('no state')
  if (typeof frameChunks !== 'number' || typeof keys !== 'number' || typeof chunks !== 'number') {
    throw new Error('no state')
  }
  return { peer, phase: known, cursor, frameChunks, keys, chunks }
}
