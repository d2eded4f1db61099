import { CrdtError } from '../../errors.ts'
import type { StorageOperation } from '../../ports.ts'
import { encodeElementEntry, type Candidate } from '../../store/element-entry.ts'
import type { Head } from '../../store/heads.ts'
import { cleanKey, type Layout } from '../../store/layout.ts'
import { greatestValue } from '../../store/merge.ts'
import { blockIdOf } from '../../wire/block-id.ts'
import { decodeNode, MAX_LINKS, type DeltaNode } from '../../wire/node.ts'
import { compareBytes, encodeUvarint } from '../../wire/uvarint.ts'
import { indexOperation } from './block-index.ts'
import { cidOfDigest, digestKey, idOfDigest, sha256 } from './digest.ts'
import type { IntakeRecords, IntakeState } from './intake-state.ts'
import { DIGEST_BYTES, type SnapshotChunk } from './message.ts'
import { BLOCKS_AT_ONCE, NewerBlocks, type NewerBlocksParts } from './newer-blocks.ts'
import {
  decodeHeads,
  decodeRecords,
  decodeTombstones,
  encodeHeads,
  type SnapshotElement,
  type SnapshotRecord
} from './records.ts'
import type { ServerLink } from './server-link.ts'
import { bestOf } from './snapshot-source.ts'

/** Bytes of a frame that are taken: marks of 64 million blocks. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024 * 1024
/** Records and marks written at once: the event loop is free in between. */
const RECORDS_PER_WRITE = 512
const MARKS_PER_WRITE = 2048
/** Elements of a chunk that are compared with the blocks that made them. */
const CHECKS_PER_CHUNK = 2
const EMPTY = new Uint8Array()

/** What the steps work with. */
export interface SnapshotStepsParts extends NewerBlocksParts {
  readonly random: () => number
}

/**
 * The steps of taking in a snapshot, each of which can be done again after a crash:
 *
 * 1. the frame is kept as it comes, 2. elements and values are written chunk by chunk, 3. tombstones, then marks, 4. what
 * came after the frame is merged, 5. heads, with which the snapshot counts. In this order a Go peer that opens the folder in the middle finds only what the
 * DAG says too: it merges again what is not marked, and what is marked is all there.
 */
export class SnapshotSteps {
  readonly #parts: SnapshotStepsParts
  readonly #records: IntakeRecords
  readonly #link: ServerLink
  readonly #told: (state: IntakeState) => void

  /** @param told - how far it is on the disk */
  constructor(parts: SnapshotStepsParts, records: IntakeRecords, link: ServerLink, told: (state: IntakeState) => void) {
    this.#parts = parts
    this.#records = records
    this.#link = link
    this.#told = told
  }

  /**
   * Resolves after the write that makes the snapshot the content; what was kept for it is still there then.
   *
   * @throws CrdtError `ERR_CRDT_CATCH_UP` when the snapshot is wrong, `ERR_CRDT_FETCH` when the peer went away
   */
  async run(from: IntakeState): Promise<void> {
    let state = from
    if (state.phase === 'frame') state = await this.#takeFrame(state)
    else await this.#checkPeer()
    while (state.phase === 'elements') state = await this.#takeElements(state)
    if (state.phase === 'marks') state = await this.#takeMarks(state)
    await this.#finish(state)
  }

  /** It came back: it may have begun anew since the frame. What it had merged then it must have now. */
  async #checkPeer(): Promise<void> {
    const frame = await this.#records.kept(0, this.#parts.signal)
    const digests = [...decodeHeads(frame.data)].map(({ digest }) => digest)
    const blocks = await this.#blocks(digests)
    if (blocks.size < digests.length) throw wrong('the peer has lost what it had')
  }

  async #save(state: IntakeState, operations: readonly StorageOperation[] = []): Promise<IntakeState> {
    const { storage } = this.#parts
    await storage.commit([...operations, this.#records.save(state)], { durable: true })
    this.#told(state)
    return state
  }

  /** From its beginning, since it is of one moment. */
  async #takeFrame(state: IntakeState): Promise<IntakeState> {
    const { storage, signal } = this.#parts
    await this.#records.drop(signal)
    let frameChunks = 0
    let bytes = 0
    for await (const chunk of this.#link.snapshot('frame', '')) {
      checkHash(chunk)
      bytes += chunk.data.length
      if (bytes > MAX_FRAME_BYTES) throw wrong('its frame is too large')
      if ((frameChunks === 0) !== (chunk.kind === 'heads')) throw wrong('its frame does not begin with heads')
      checkFrame(chunk)
      await storage.commit([this.#records.keep(frameChunks, chunk.kind, chunk.data)], { durable: true })
      frameChunks += 1
    }
    if (frameChunks < 2) throw wrong('its frame is empty')
    return this.#save({ ...state, phase: 'elements', frameChunks })
  }

  async #takeElements(state: IntakeState): Promise<IntakeState> {
    const chunks: SnapshotChunk[] = []
    for await (const next of this.#link.snapshot('elements', state.cursor)) {
      if (chunks.push(next) > 1) throw wrong('two chunks at once')
    }
    const [chunk] = chunks
    if (chunk?.kind !== 'elements') throw wrong('no elements')
    checkHash(chunk)
    if (chunk.next !== '' && chunk.next === state.cursor) throw wrong('it does not go on')
    const { keys, samples } = await this.#writeElements(chunk.data)
    await this.#check(samples)
    const done = { ...state, keys: state.keys + keys, chunks: state.chunks + 1, cursor: chunk.next }
    return this.#save(chunk.next === '' ? { ...done, phase: 'marks' } : done)
  }

  async #writeElements(data: Uint8Array): Promise<{ keys: number; samples: { key: string; of: SnapshotElement }[] }> {
    const { storage, layout, random } = this.#parts
    const samples = new Map<number, { key: string; of: SnapshotElement }>()
    let operations: StorageOperation[] = []
    let keys = 0
    let seen = 0
    for (const record of decodeRecords(data)) {
      if (cleanKey(record.key) !== record.key) throw wrong('a key is not clean')
      if (addRecord(layout, record, operations)) keys += 1
      seen += 1
      const [element] = record.elements
      if (element !== undefined) {
        // each record has the same chance to be looked at
        const place = Math.floor(random() * seen)
        if (place < CHECKS_PER_CHUNK) samples.set(place, { key: record.key, of: copyOf(element) })
      }
      if (seen % RECORDS_PER_WRITE !== 0) continue
      await storage.commit(operations, { durable: true })
      operations = []
    }
    await storage.commit(operations, { durable: true })
    return { keys, samples: [...samples.values()] }
  }

  /** The blocks say what the snapshot says. A peer that has all blocks must send them. */
  async #check(samples: readonly { key: string; of: SnapshotElement }[]): Promise<void> {
    const blocks = await this.#blocks(samples.map(({ of }) => of.digest))
    for (const { key, of } of samples) {
      const node = blocks.get(digestKey(of.digest))
      if (node === undefined) {
        if (this.#link.has('archive')) throw wrong('a block that an element names is not there')
        continue
      }
      const isSame = node.delta.priority === of.priority && compareBytes(greatestValue(node.delta, key), of.value) === 0
      if (!isSame || !node.delta.elements.some((element) => cleanKey(element.key) === key)) {
        throw wrong(`block ${node.cid.toString()} says otherwise about ${key}`)
      }
    }
  }

  async #blocks(digests: readonly Uint8Array[]): Promise<Map<string, DeltaNode>> {
    const wanted = new Set(digests.map(digestKey))
    const found = new Map<string, DeltaNode>()
    for (let at = 0; at < digests.length; at += BLOCKS_AT_ONCE) {
      await this.#link.blocks(digests.slice(at, at + BLOCKS_AT_ONCE), (bytes) => {
        const digest = sha256(bytes)
        if (!wanted.has(digestKey(digest))) throw wrong('a block came that was not asked for')
        found.set(digestKey(digest), decodeNode(cidOfDigest(digest), bytes.slice()))
      })
    }
    return found
  }

  async #takeMarks(state: IntakeState): Promise<IntakeState> {
    const { signal } = this.#parts
    for (let number = 0; number < state.frameChunks; number += 1) {
      const kept = await this.#records.kept(number, signal)
      if (kept.kind === 'tombstones') await this.#writeTombstones(kept.data)
    }
    for (let number = 0; number < state.frameChunks; number += 1) {
      const kept = await this.#records.kept(number, signal)
      if (kept.kind === 'processed') await this.#writeMarks(kept.data)
    }
    const tops = this.#records.keep(state.frameChunks, 'heads', await this.#takeTops())
    return this.#save({ ...state, phase: 'newer' }, [...(await this.#records.unqueue(signal)), tops])
  }

  /** After the last element: whatever stands behind one, or behind its removal, is reached from here. */
  async #takeTops(): Promise<Uint8Array> {
    const chunks: SnapshotChunk[] = []
    for await (const chunk of this.#link.snapshot('tops', '')) {
      if (chunks.push(chunk) > 1) throw wrong('two chunks at once')
    }
    const [chunk] = chunks
    if (chunk?.kind !== 'heads') throw wrong('no tops')
    checkHash(chunk)
    checkFrame(chunk)
    return chunk.data
  }

  /** Nothing is here then that the DAG does not explain, so the snapshot counts. */
  async #finish(state: IntakeState): Promise<void> {
    const { storage, layout, signal } = this.#parts
    const { data } = await this.#records.kept(state.frameChunks, signal)
    const tops = [...decodeHeads(data)].map(({ digest, height }): Head => {
      const cid = cidOfDigest(digest)
      return { cid, id: blockIdOf(cid), height }
    })
    const newer = new NewerBlocks(this.#parts, {
      fetch: (digests) => this.#blocks(digests),
      keep: (left) => this.#records.keep(state.frameChunks, 'heads', encodeHeads(left))
    })
    const heads = await newer.merge(tops)
    const blocks = await this.#blocks(heads.map(({ cid }) => cid.multihash.digest))
    const operations: StorageOperation[] = []
    for (const { cid, id, height } of heads) {
      const node = blocks.get(digestKey(cid.multihash.digest))
      if (node === undefined) throw wrong('the block of a head is not there')
      if (node.delta.priority !== height) throw wrong('the height of a head is wrong')
      operations.push({ put: { key: layout.head(id), value: encodeUvarint(height) } })
      operations.push({ put: { key: layout.block(id), value: node.bytes } })
      operations.push(indexOperation(layout, height, id, node.bytes.length))
    }
    operations.push({ put: { key: layout.backfill(), value: EMPTY } }, this.#records.forget())
    // a key may have come in several chunks
    await this.#save({ ...state, keys: await this.#records.countKeys(signal) })
    await storage.commit(operations, { durable: true })
  }

  async #writeTombstones(data: Uint8Array): Promise<void> {
    const { storage, layout } = this.#parts
    let operations: StorageOperation[] = []
    for (const { key, digest } of decodeTombstones(data)) {
      operations.push({ put: { key: layout.tombstone(key, idOfDigest(digest)), value: EMPTY } })
      if (operations.length < MARKS_PER_WRITE) continue
      await storage.commit(operations, { durable: true })
      operations = []
    }
    await storage.commit(operations, { durable: true })
  }

  async #writeMarks(digests: Uint8Array): Promise<void> {
    const { storage, layout } = this.#parts
    for (let at = 0; at < digests.length; at += MARKS_PER_WRITE * DIGEST_BYTES) {
      const part = digests.subarray(at, at + MARKS_PER_WRITE * DIGEST_BYTES)
      const operations: StorageOperation[] = []
      for (let place = 0; place < part.length; place += DIGEST_BYTES) {
        const id = idOfDigest(part.subarray(place, place + DIGEST_BYTES))
        operations.push({ put: { key: layout.processed(id), value: EMPTY } })
      }
      await storage.commit(operations, { durable: true })
    }
  }
}

/** @returns whether the key is visible */
function addRecord(layout: Layout, { key, elements, visible }: SnapshotRecord, to: StorageOperation[]): boolean {
  for (const { digest, priority, value } of elements) {
    to.push({
      put: { key: layout.element(key, idOfDigest(digest)), value: encodeElementEntry({ priority, value }) }
    })
  }
  const shown: Candidate | undefined = visible === 'best' ? bestOf(elements) : visible === 'none' ? undefined : visible
  if (shown === undefined) return false
  to.push({ put: { key: layout.value(key), value: shown.value } })
  to.push({ put: { key: layout.priority(key), value: encodeUvarint(shown.priority + 1n) } })
  return true
}

function copyOf({ digest, priority, value }: SnapshotElement): SnapshotElement {
  return { digest: digest.slice(), priority, value: value.slice() }
}

function checkHash({ data, sha256: said }: SnapshotChunk): void {
  if (compareBytes(sha256(data), said) !== 0) throw wrong('a chunk has another hash than was said')
}

/** What is kept must be readable later. */
function checkFrame({ kind, data }: SnapshotChunk): void {
  if (kind === 'processed') {
    if (data.length % DIGEST_BYTES !== 0) throw wrong('half a mark')
  } else if (kind === 'tombstones') {
    for (const { key } of decodeTombstones(data)) if (cleanKey(key) !== key) throw wrong('a key is not clean')
  } else if (kind === 'heads') {
    const count = [...decodeHeads(data)].length
    if (count === 0 || count > MAX_LINKS) throw wrong(`it has ${count} heads`)
  } else throw wrong('elements in its frame')
}

function wrong(why: string): CrdtError {
  return new CrdtError('ERR_CRDT_CATCH_UP', `the snapshot is wrong: ${why}`)
}
