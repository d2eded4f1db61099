import type { Clock } from '@cluster/api'
import type { PeerId, Stream } from '@libp2p/interface'
import type { ProtocolTraits } from '../wire/constants.ts'
import { Lane, type LaneMessage, type LaneSource } from './lane.ts'

/** What the client and the server of this peer have to say to another. */
export interface PeerVoice {
  /** Whether there are wants to tell, and whether that should not wait for more. */
  wantsPending(): 'none' | 'lazy' | 'urgent'
  takeWants(traits: ProtocolTraits): LaneMessage | undefined
  /** The stream of the wants broke. */
  wantsLost(): void
  responsesPending(): boolean
  takeResponse(): Promise<LaneMessage | undefined>
}

/** What a link is made of. */
export interface PeerLinkOptions {
  readonly clock: Clock
  readonly voice: PeerVoice
  readonly protocolPrefix: string
  readonly idleMs: number
  open(signal: AbortSignal): Promise<Stream>
  /** The peer does not take messages, or does so again. */
  responsive(state: boolean): void
}

/** Wants that can wait are gathered for so long. @see bitswap.md §4.8.3 */
const LAZY_WANTS_MS = 20
/** An unresponsive peer is tried after 1, 2, 4 … 60 seconds. @see bitswap.md §4.6.3 */
const FIRST_PROBE_MS = 1000
const MAX_PROBE_MS = 60_000

/**
 * The way to one connected peer: a lane for our wants and one for our answers, so that a large answer does not hold
 * up a cancel.
 *
 * @see bitswap.md §4.6
 */
export class PeerLink {
  readonly peer: PeerId
  readonly name: string
  readonly #options: PeerLinkOptions
  readonly #wants: Lane
  readonly #responses: Lane
  #lastWantsMs = -Infinity
  #cancelLazy: (() => void) | undefined
  #cancelProbe: (() => void) | undefined
  #probes = 0
  #responsive = true
  #ended = false

  constructor(peer: PeerId, options: PeerLinkOptions) {
    this.peer = peer
    this.name = peer.toString()
    this.#options = options
    this.#wants = this.#lane(this.#wantSource())
    this.#responses = this.#lane(responseSource(options.voice))
  }

  get isResponsive(): boolean {
    return this.#responsive
  }

  /** There may be wants to tell. */
  wakeWants(): void {
    if (this.#ended || !this.#responsive) return
    const pending = this.#options.voice.wantsPending()
    if (pending === 'none') return
    const { clock } = this.#options
    const dueMs = this.#lastWantsMs + LAZY_WANTS_MS
    if (pending === 'urgent' || clock.nowMs() >= dueMs) {
      this.#wants.wake()
    } else {
      this.#cancelLazy ??= clock.setTimer(dueMs, () => {
        this.#cancelLazy = undefined
        this.#wants.wake()
      })
    }
  }

  /** There may be answers to send. */
  wakeResponses(): void {
    if (!this.#ended && this.#responsive) this.#responses.wake()
  }

  /** A message came from the peer, so it is alive. */
  heard(): void {
    this.#probes = 0
    if (!this.#responsive) this.#recovered()
  }

  /** Ends the link; what is being written may finish. */
  async close(): Promise<void> {
    this.#end()
    await Promise.all([this.#wants.close(), this.#responses.close()])
  }

  /** Ends the link at once: the connection is gone. */
  abort(): void {
    this.#end()
    this.#wants.abort()
    this.#responses.abort()
  }

  #end(): void {
    this.#ended = true
    this.#cancelLazy?.()
    this.#cancelProbe?.()
  }

  #lane(source: LaneSource): Lane {
    const { clock, protocolPrefix, idleMs } = this.#options
    return new Lane({
      source,
      clock,
      protocolPrefix,
      idleMs,
      open: (signal) => this.#options.open(signal),
      unresponsive: () => {
        this.#failed()
      }
    })
  }

  #wantSource(): LaneSource {
    const { voice, clock } = this.#options
    return {
      ready: () => {
        const pending = voice.wantsPending()
        return pending === 'urgent' || (pending === 'lazy' && clock.nowMs() >= this.#lastWantsMs + LAZY_WANTS_MS)
      },
      take: (traits) => {
        this.#lastWantsMs = clock.nowMs()
        return voice.takeWants(traits)
      },
      broken: () => {
        voice.wantsLost()
      },
      drained: () => {
        this.wakeWants()
      }
    }
  }

  #failed(): void {
    if (this.#ended) return
    if (this.#responsive) {
      this.#responsive = false
      this.#options.responsive(false)
    }
    this.#cancelProbe?.()
    const { clock } = this.#options
    const delayMs = Math.min(FIRST_PROBE_MS * 2 ** this.#probes, MAX_PROBE_MS)
    this.#probes += 1
    this.#cancelProbe = clock.setTimer(clock.nowMs() + delayMs, () => {
      this.#wants.probe().then(
        () => {
          if (!this.#ended && !this.#responsive) this.#recovered()
        },
        () => {
          this.#failed()
        }
      )
    })
  }

  #recovered(): void {
    this.#cancelProbe?.()
    this.#responsive = true
    this.#options.responsive(true)
    this.wakeWants()
    this.wakeResponses()
  }
}

/** While one answer is written, the blocks of the next are read. */
function responseSource(voice: PeerVoice): LaneSource {
  let ahead: Promise<LaneMessage | undefined> | undefined
  return {
    ready: () => ahead !== undefined || voice.responsesPending(),
    take: async () => {
      const now = await (ahead ?? voice.takeResponse())
      ahead = voice.responsesPending() ? voice.takeResponse() : undefined
      return now
    }
  }
}
