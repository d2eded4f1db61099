import type { AbortOptions } from '@libp2p/interface'
import { CrdtError, messageOf } from '../../errors.ts'
import type { Clock } from '../../ports.ts'
import { deadline, wait } from '../deadline.ts'
import { Conversation, unexpected, type CatchUpChannel } from './channel.ts'
import { digestKey } from './digest.ts'
import type { CatchUpMessage, Hello, IndexEntry, IndexRequest, SnapshotChunk, SnapshotPart } from './message.ts'

/** A peer of the same cluster that speaks the protocol. */
export interface CatchUpPeer {
  /** A name for logs, unique among the peers. */
  readonly id: string
  /** Whether its changes are taken: only then a snapshot of it is. */
  readonly isTrusted: boolean
  open(options: AbortOptions): Promise<CatchUpChannel>
}

/** Where a question waits for its answer. */
interface Question {
  /** @returns whether the answer is complete */
  take(message: CatchUpMessage): boolean
  fail(error: Error): void
}

/** A conversation with a server, as the one who asks. Questions may follow each other before the answers come. */
export class ServerLink {
  readonly peer: CatchUpPeer
  readonly hello: Hello
  readonly #talk: Conversation
  readonly #questions: Question[] = []
  #writing: Promise<void> = Promise.resolve()
  #isReading = false
  #failure: Error | undefined

  private constructor(peer: CatchUpPeer, talk: Conversation, hello: Hello) {
    this.peer = peer
    this.#talk = talk
    this.hello = hello
  }

  /**
   * Opens a conversation and greets.
   *
   * @param timeoutMs - for each message
   * @throws CrdtError `ERR_CRDT_CATCH_UP`, `ERR_CRDT_FETCH`, or what opening threw
   */
  static async open(
    peer: CatchUpPeer,
    own: Hello,
    parts: { clock: Clock; signal: AbortSignal; timeoutMs: number }
  ): Promise<ServerLink> {
    const timer = deadline(parts.clock, parts.signal, parts.timeoutMs, 'no conversation')
    const opening = peer.open({ signal: timer.signal })
    const channel = await wait(opening, timer.signal)
      .catch((error: unknown) => {
        // whoever comes too late is sent away
        opening.then(
          (late) => {
            late.close(linkError(error))
          },
          () => undefined
        )
        throw linkError(error)
      })
      .finally(() => {
        timer.clear()
      })
    const talk = new Conversation(channel, parts.clock, parts.signal, parts.timeoutMs)
    try {
      await talk.write({ type: 'hello', hello: own })
      const answer = await talk.read()
      if (answer?.type !== 'hello') throw unexpected('no greeting')
      if (answer.hello.topic !== own.topic) throw unexpected('the greeting is of another cluster')
      return new ServerLink(peer, talk, answer.hello)
    } catch (cause) {
      const error = linkError(cause)
      talk.close(error)
      throw error
    }
  }

  get isOpen(): boolean {
    return this.#failure === undefined
  }

  has(feature: string): boolean {
    return this.hello.features.includes(feature)
  }

  /** A page of the index; `undefined` when it does not know the blocks to begin with. */
  async index(request: IndexRequest): Promise<{ entries: readonly IndexEntry[]; hasMore: boolean } | undefined> {
    let page: { entries: readonly IndexEntry[]; hasMore: boolean } | undefined
    await this.#ask({ type: 'index', request }, (message) => {
      if (message.type === 'page') page = message
      else if (message.type !== 'done') throw unexpected(`${message.type} instead of a page`)
      return true
    })
    return page
  }

  /** Blocks, each handed on as it comes; in no promised order, and not all need be there. */
  blocks(digests: readonly Uint8Array[], take: (bytes: Uint8Array) => void): Promise<void> {
    const asked = new Set(digests.map(digestKey))
    let answered = 0
    return this.#ask({ type: 'blocks', digests }, (message) => {
      if (message.type === 'done') {
        const isWhole = answered + message.missing.length === digests.length
        if (isWhole && message.missing.every((digest) => asked.has(digestKey(digest)))) return true
        throw unexpected(`${answered} blocks and ${message.missing.length} missing ones of ${digests.length}`)
      }
      if (message.type !== 'data') throw unexpected(`${message.type} instead of blocks`)
      for (const bytes of message.blocks) take(bytes)
      answered += message.blocks.length
      return false
    })
  }

  /** Chunks of a snapshot, one after the other. What `take` throws ends the conversation. */
  async *snapshot(part: SnapshotPart, cursor: string): AsyncGenerator<SnapshotChunk> {
    // one question at a time, and no reader in the background: so a slow taker holds the sender back
    if (this.#questions.length > 0) throw unexpected('another question is open')
    await this.#write({ type: 'snapshot', part, cursor })
    try {
      for (;;) {
        const message = await this.#talk.read()
        if (message?.type === 'done') {
          if (message.code !== '') throw unexpected(`no snapshot: ${message.code}`)
          return
        }
        if (message?.type !== 'chunk') throw unexpected(`${message?.type ?? 'the end'} instead of a chunk`)
        yield message.chunk
      }
    } catch (cause) {
      const error = linkError(cause)
      this.close(error)
      throw error
    }
  }

  close(reason?: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = reason ?? new CrdtError('ERR_CRDT_CLOSED', 'the conversation was closed')
    // an answer that is on its way is broken off
    this.#talk.close(reason ?? (this.#questions.length > 0 ? this.#failure : undefined))
    for (const question of this.#questions.splice(0)) question.fail(this.#failure)
  }

  #ask(message: CatchUpMessage, take: Question['take']): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      this.#questions.push({
        take: (answer) => {
          const isComplete = take(answer)
          if (isComplete) resolve()
          return isComplete
        },
        fail: reject
      })
    })
    this.#write(message).then(
      () => {
        this.#listen()
      },
      (error: unknown) => {
        this.close(linkError(error))
      }
    )
    return answered
  }

  #write(message: CatchUpMessage): Promise<void> {
    const written = this.#writing.then(() => this.#talk.write(message))
    this.#writing = written.catch(() => undefined)
    return written
  }

  #listen(): void {
    if (this.#isReading) return
    this.#isReading = true
    void this.#read().finally(() => {
      this.#isReading = false
      if (this.#questions.length > 0) this.#listen()
    })
  }

  /** Reads as long as questions are open. */
  async #read(): Promise<void> {
    try {
      for (let question = this.#questions[0]; question !== undefined; question = this.#questions[0]) {
        const message = await this.#talk.read()
        if (message === undefined) throw new CrdtError('ERR_CRDT_FETCH', 'the other side ended the conversation')
        if (question.take(message)) this.#questions.shift()
      }
    } catch (error) {
      this.close(linkError(error))
    }
  }
}

/** A break of the connection is told apart from a breach of the protocol. */
function linkError(cause: unknown): CrdtError {
  if (cause instanceof CrdtError) return cause
  return new CrdtError('ERR_CRDT_FETCH', `the conversation broke: ${messageOf(cause)}`, { cause })
}
