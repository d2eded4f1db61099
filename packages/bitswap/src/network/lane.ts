import type { Stream } from '@libp2p/interface'
import type { Clock } from '@cluster/api'
import { closeWrite, writeMessage } from '@cluster/streams'
import { type ProtocolTraits, protocolTraits } from '../wire/constants.ts'
import { encodeMessage } from '../wire/encode.ts'
import type { OutgoingMessage } from '../wire/message.ts'

/** A message with what is to be done after it. */
export interface LaneMessage {
  readonly message: OutgoingMessage
  /** It was handed to the connection. */
  sent?(): void
  /** It may not have been. */
  failed?(): void
}

/** Where a lane gets its messages. */
export interface LaneSource {
  /** Whether there is something to send now. */
  ready(): boolean
  take(traits: ProtocolTraits): LaneMessage | undefined | Promise<LaneMessage | undefined>
  /** The stream broke: what was sent on it may not have arrived. */
  broken?(): void
  /** Everything was sent for now. */
  drained?(): void
}

/** What a lane is made of. */
export interface LaneOptions {
  readonly source: LaneSource
  readonly clock: Clock
  readonly protocolPrefix: string
  /** A lane without messages for so long is closed, and opened again when there is one. */
  readonly idleMs: number
  open(signal: AbortSignal): Promise<Stream>
  /** Several attempts failed one after another. The lane rests until `wake`. */
  unresponsive(error: unknown): void
}

/** Attempts until the peer counts as unresponsive, and the time between them. @see bitswap.md §4.6.1 */
const ATTEMPTS = 3
const RETRY_MS = 100
/** A stream that was open for so long did not fail at once: its end counts as the first failure. */
const PROVEN_MS = 1000
/** A message has this long to leave: a base and its size over 12,500 bytes a second, within limits. */
const BASE_FLUSH_MS = 2000
const MIN_BYTES_PER_MS = 12.5
const MIN_FLUSH_MS = 10_000
const MAX_FLUSH_MS = 120_000
/** A stream has this long to be opened, as in boxo. */
const OPEN_MS = 30_000
/** At a stop, what is being written has this long, and then the end of the lane has. */
const CLOSE_MS = 5000

/**
 * One long-lived stream to a peer that is only written to. It is opened when there is something to send and closed
 * gracefully when it was idle: Helia resets streams on which nothing comes for 10 s.
 *
 * @see bitswap.md §1.8, §4.6.1
 */
export class Lane {
  readonly #options: LaneOptions
  readonly #stopping = new AbortController()
  #stream: Stream | undefined
  #scheduled = false
  #running: Promise<void> | undefined
  /** There may be something to send since the last look, which the run that is ending does not see. */
  #again = false
  #cancelTimer: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #failures = 0
  #openedMs = 0

  constructor(options: LaneOptions) {
    this.#options = options
  }

  /** There may be something to send. Several calls in one turn of the event loop make one message. */
  wake(): void {
    this.#again = true
    if (this.#scheduled || this.#running !== undefined || this.#cancelRetry !== undefined || this.#stopped()) return
    this.#scheduled = true
    this.#options.clock.soon(() => {
      this.#scheduled = false
      if (this.#stopping.signal.aborted || this.#running !== undefined) return
      this.#running = this.#run().finally(() => {
        this.#running = undefined
        if (this.#stopping.signal.aborted) return
        this.#options.source.drained?.()
        if (this.#again) this.wake()
        if (this.#stream !== undefined) this.#armIdle(this.#stream)
      })
    })
  }

  /** Opens the stream if it is not, to see whether the peer answers. */
  async probe(): Promise<void> {
    await this.#open()
  }

  /** Ends the lane: what is being written may finish. */
  async close(): Promise<void> {
    this.#stopping.abort()
    this.#cancelTimer?.()
    this.#cancelRetry?.()
    const { clock } = this.#options
    const cancel = clock.setTimer(clock.nowMs() + CLOSE_MS, () => {
      this.#drop(new Error('the peer takes no bytes'))
    })
    await this.#running
    cancel()
    await this.#closeStream()
  }

  /** Ends the lane at once. */
  abort(): void {
    this.#stopping.abort()
    this.#cancelTimer?.()
    this.#cancelRetry?.()
    this.#drop(new Error('the peer is gone'))
  }

  async #run(): Promise<void> {
    const { source, protocolPrefix } = this.#options
    while (!this.#stopped()) {
      this.#again = false
      if (!source.ready()) return
      let item: LaneMessage | undefined
      try {
        const stream = await this.#open()
        const traits = protocolTraits(stream.protocol, protocolPrefix)
        item = await source.take(traits)
        if (item === undefined) {
          // What was ready became void; what came meanwhile is still to be sent.
          await this.#turn()
          continue
        }
        await this.#write(stream, item.message, traits)
        item.sent?.()
      } catch (error) {
        item?.failed?.()
        if (this.#stopped()) return
        this.#drop(error instanceof Error ? error : new Error(String(error)))
        source.broken?.()
        if (!this.#mayRetry(error)) {
          this.#again = false
          return
        }
        await this.#pause(RETRY_MS)
      }
    }
  }

  #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  async #open(): Promise<Stream> {
    this.#cancelTimer?.()
    if (this.#stream?.writeStatus === 'writable') return this.#stream
    const stream = await this.#within(OPEN_MS, (signal) =>
      this.#options.open(AbortSignal.any([signal, this.#stopping.signal]))
    )
    if (this.#stopping.signal.aborted) {
      stream.abort(new Error('the lane was closed'))
      throw new Error('the lane was closed')
    }
    this.#stream = stream
    this.#openedMs = this.#options.clock.nowMs()
    // Nobody answers here; what comes all the same must not fill the buffer and reset the stream.
    stream.addEventListener('message', () => undefined)
    stream.addEventListener('close', (event) => {
      if (this.#stream !== stream) return
      this.#stream = undefined
      if (!this.#stopped() && this.#running === undefined) this.#brokenWhileIdle(event.error)
    })
    return stream
  }

  /** The other side ended the stream after a message: whether it was read, nobody knows. */
  #brokenWhileIdle(error: unknown): void {
    const { clock, source } = this.#options
    if (this.#mayRetry(error)) {
      this.#cancelRetry = clock.setTimer(clock.nowMs() + RETRY_MS, () => {
        this.#cancelRetry = undefined
        this.wake()
      })
    }
    source.broken?.()
  }

  /** Counts a failure; when there were too many the peer is given up for now. */
  #mayRetry(error: unknown): boolean {
    this.#failures = this.#options.clock.nowMs() - this.#openedMs < PROVEN_MS ? this.#failures + 1 : 1
    if (this.#failures < ATTEMPTS && !isUnsupported(error)) return true
    this.#failures = 0
    this.#options.unresponsive(error)
    return false
  }

  async #write(stream: Stream, message: OutgoingMessage, traits: ProtocolTraits): Promise<void> {
    const bytes = encodeMessage(message, traits.prefixedBlocks)
    const limitMs = BASE_FLUSH_MS + bytes.byteLength / MIN_BYTES_PER_MS
    await this.#within(Math.min(Math.max(limitMs, MIN_FLUSH_MS), MAX_FLUSH_MS), (signal) =>
      writeMessage(stream, bytes, { signal })
    )
  }

  /** Runs something with a limit in time. A stop does not cut a message short; `close` waits for it. */
  async #within<T>(limitMs: number, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#options
    const limit = new AbortController()
    const cancel = clock.setTimer(clock.nowMs() + limitMs, () => {
      limit.abort(new Error('the peer takes no bytes'))
    })
    try {
      return await task(limit.signal)
    } finally {
      cancel()
    }
  }

  /** Lets others run. */
  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#options.clock.soon(resolve)
    })
  }

  async #pause(ms: number): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stopping
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const cancel = clock.setTimer(clock.nowMs() + ms, done)
      signal.addEventListener('abort', done)
    })
  }

  #armIdle(stream: Stream): void {
    const { clock, idleMs } = this.#options
    this.#cancelTimer?.()
    this.#cancelTimer = clock.setTimer(clock.nowMs() + idleMs, () => {
      if (this.#stream === stream && this.#running === undefined) void this.#closeStream()
    })
  }

  /** Ends the stream so that nothing that was written is lost. */
  async #closeStream(): Promise<void> {
    const stream = this.#stream
    this.#stream = undefined
    if (stream === undefined) return
    try {
      await this.#within(CLOSE_MS, (signal) => closeWrite(stream, { signal }))
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #drop(error: Error): void {
    const stream = this.#stream
    this.#stream = undefined
    stream?.abort(error)
  }
}

function isUnsupported(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnsupportedProtocolError'
}
