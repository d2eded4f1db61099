import { messageOf } from '../../errors.ts'
import type { Clock, CrdtStorage, Logger } from '../../ports.ts'
import { readMany } from '../../store/draft.ts'
import type { Layout } from '../../store/layout.ts'
import { Conversation, unexpected, type CatchUpChannel } from './channel.ts'
import type { BlockIndex } from './block-index.ts'
import { idOfDigest } from './digest.ts'
import type { CatchUpMessage, Hello, SnapshotPart } from './message.ts'
import type { SnapshotSource } from './snapshot-source.ts'

/** Blocks read at once, and bytes of blocks in one message, unless one is larger. */
const READ_BLOCKS = 64
const FRAME_BYTES = 256 * 1024
/** A client that asks nothing for so long has gone. */
const IDLE_MS = 120_000
/** Time for one message to go out. */
const WRITE_MS = 30_000
/** Conversations with one peer, and with all. */
export const MAX_SERVED_PER_PEER = 4
const MAX_SERVED = 32

/** What a {@link CatchUpServer} answers from. */
export interface CatchUpServerParts {
  readonly storage: CrdtStorage
  readonly layout: Layout
  readonly index: BlockIndex
  readonly snapshots: SnapshotSource
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly log: Logger
  hello(): Hello
}

/** What was served since the start. */
export interface ServedCounters {
  /** Conversations: begun, now, refused because there were too many. */
  conversations: number
  running: number
  refused: number
  blocks: number
  bytes: number
  snapshotChunks: number
}

/** Answers peers that catch up. One question after another in each conversation, so that a slow reader holds up itself only. */
export class CatchUpServer {
  readonly #parts: CatchUpServerParts
  readonly #running = new Map<Promise<void>, string>()
  readonly counters: ServedCounters = {
    conversations: 0,
    running: 0,
    refused: 0,
    blocks: 0,
    bytes: 0,
    snapshotChunks: 0
  }

  constructor(parts: CatchUpServerParts) {
    this.#parts = parts
  }

  /** Serves until the other side has no more questions, breaks the protocol, or the store closes. Never rejects. */
  serve(channel: CatchUpChannel, peer: string): Promise<void> {
    const ofPeer = [...this.#running.values()].filter((other) => other === peer).length
    if (ofPeer >= MAX_SERVED_PER_PEER || this.#running.size >= MAX_SERVED || this.#parts.signal.aborted) {
      this.counters.refused += 1
      channel.close(unexpected('too many conversations'))
      return Promise.resolve()
    }
    this.counters.conversations += 1
    this.counters.running += 1
    const run = this.#converse(channel, peer).finally(() => {
      this.counters.running -= 1
      this.#running.delete(run)
    })
    this.#running.set(run, peer)
    return run
  }

  /** Resolves when nobody is served any more; the signal of the parts ends all. */
  async closed(): Promise<void> {
    await Promise.all(this.#running.keys())
  }

  async #converse(channel: CatchUpChannel, peer: string): Promise<void> {
    const { clock, signal, log } = this.#parts
    const talk = new Conversation(channel, clock, signal, WRITE_MS)
    try {
      const first = await talk.read()
      if (first?.type !== 'hello') throw unexpected('no greeting')
      const hello = this.#parts.hello()
      if (first.hello.topic !== hello.topic) throw unexpected('the greeting is of another cluster')
      await talk.write({ type: 'hello', hello })
      for (;;) {
        const question = await talk.read(IDLE_MS)
        if (question === undefined) break
        await this.#answer(talk, question)
      }
      talk.close()
    } catch (error) {
      if (!signal.aborted) log.debug(`catch-up of ${peer} ended: ${messageOf(error)}`)
      talk.close(error instanceof Error ? error : unexpected(String(error)))
    }
  }

  async #answer(talk: Conversation, question: CatchUpMessage): Promise<void> {
    switch (question.type) {
      case 'index': {
        const { index, signal } = this.#parts
        const page = index.isComplete ? await index.page(question.request, signal) : undefined
        await talk.write(
          page === undefined ? { type: 'done', code: 'unknown', missing: [] } : { type: 'page', ...page }
        )
        return
      }
      case 'blocks':
        await this.#sendBlocks(talk, question.digests)
        return
      case 'snapshot':
        await this.#sendSnapshot(talk, question.part, question.cursor)
        return
      case 'hello':
      case 'page':
      case 'data':
      case 'chunk':
      case 'done':
        throw unexpected(`${question.type} is no question`)
    }
  }

  async #sendBlocks(talk: Conversation, digests: readonly Uint8Array[]): Promise<void> {
    const { storage, layout, signal } = this.#parts
    const missing: Uint8Array[] = []
    let frame: Uint8Array[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      if (frame.length === 0) return
      const blocks = frame
      this.counters.blocks += blocks.length
      this.counters.bytes += bytes
      frame = []
      bytes = 0
      await talk.write({ type: 'data', blocks })
    }
    let readAtOnce = READ_BLOCKS
    for (let at = 0; at < digests.length;) {
      const asked = digests.slice(at, at + readAtOnce)
      const keys = asked.map((digest) => layout.block(idOfDigest(digest)))
      at += keys.length
      const found = await readMany(storage, keys, { signal })
      missing.push(...asked.filter((_, index) => found[index] === undefined))
      let read = 0
      for (const block of found) {
        if (block === undefined) continue
        read += block.length
        if (bytes + block.length > FRAME_BYTES) await flush()
        frame.push(block)
        bytes += block.length
      }
      // large blocks are read a few at a time
      readAtOnce = read > FRAME_BYTES ? Math.max(1, Math.floor((keys.length * FRAME_BYTES) / read)) : READ_BLOCKS
    }
    await flush()
    await talk.write({ type: 'done', code: '', missing })
  }

  async #sendSnapshot(talk: Conversation, part: SnapshotPart, cursor: string): Promise<void> {
    const { snapshots, signal } = this.#parts
    const chunks = part === 'elements' ? snapshots.elements(cursor, signal) : await snapshots[part](signal)
    if (chunks === undefined) {
      await talk.write({ type: 'done', code: 'busy', missing: [] })
      return
    }
    for await (const chunk of chunks) {
      this.counters.snapshotChunks += 1
      await talk.write({ type: 'chunk', chunk })
    }
    await talk.write({ type: 'done', code: '', missing: [] })
  }
}
