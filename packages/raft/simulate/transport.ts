import type { Call, Incoming, RaftTransport, Reply } from '../src/index.ts'
import type { Peer } from './peer.ts'
import type { World } from './world.ts'

/** How long a call waits for its answer. */
const CALL_TIMEOUT_MS = 2500

/**
 * Streams between servers: what is sent on one arrives in order, unless the stream is reset. A peer of the Go kind opens
 * a stream for each call, so that calls overtake each other.
 */
export class SimulatedTransport implements RaftTransport {
  readonly #world: World
  readonly #peer: Peer
  readonly #process: { readonly isAlive: boolean }
  /** When the last message of a stream arrives. */
  readonly #arrivals = new Map<string, number>()
  handler: ((incoming: Incoming) => void) | undefined

  constructor(world: World, peer: Peer, process: { readonly isAlive: boolean }) {
    this.#world = world
    this.#peer = peer
    this.#process = process
  }

  serve(handler: (incoming: Incoming) => void): Promise<() => Promise<void>> {
    this.handler = handler
    return Promise.resolve(() => {
      this.handler = undefined
      return Promise.resolve()
    })
  }

  call(
    call: Call,
    data: AsyncIterable<Uint8Array> | undefined,
    { signal }: { readonly signal: AbortSignal }
  ): Promise<Reply> {
    const world = this.#world
    const from = this.#peer
    const to = world.peer(call.to)
    const { state } = from
    // a request may leave after the campaign has ended, when the servers are others
    const voters = state?.role === 'candidate' ? state.configuration : undefined
    world.attempt(() => {
      world.ledger.sent(from.name, call.to, call.request, voters)
    })
    return new Promise((resolve, reject) => {
      let isDone = false
      const finish = (act: () => void): void => {
        if (isDone) return
        isDone = true
        cancel()
        if (this.#process.isAlive) act()
      }
      const lose = (): void => {
        finish(() => {
          reject(new Error('simulated: no answer'))
        })
      }
      const cancel = world.clock.setTimer(world.clock.nowMs() + CALL_TIMEOUT_MS, lose)
      signal.addEventListener('abort', lose, { once: true })
      if (to === undefined || !this.#process.isAlive) return
      const lane = from.isGoLike ? `${call.to} ${call.id}` : `${call.to} ${call.lane} ${call.epoch}`
      this.#send(`> ${lane}`, from, to, lose, (isCopy) => {
        const answer = (reply: Reply): void => {
          if (isCopy) return
          world.attempt(() => {
            world.ledger.answered(to.name, from.name, call.request, reply)
          })
          this.#send(`< ${lane}`, to, from, lose, () => {
            finish(() => {
              world.attempt(() => {
                world.ledger.heard(from.name, to.name, call.request, reply)
              })
              resolve(reply)
            })
          })
        }
        const incoming = {
          request: call.request,
          answer,
          drop: lose,
          ...(data && !isCopy && { data: this.#cut(data) })
        }
        if (isCopy && call.request.type === 'snapshot') return
        to.receive(incoming, lose)
      })
    })
  }

  /** One message of a stream. */
  #send(stream: string, from: Peer, to: Peer, lose: () => void, deliver: (isCopy: boolean) => void): void {
    const { network, clock, dice } = this.#world
    const { loss, duplication } = network.weather
    if (network.isCut(from.number, to.number)) return
    if (dice.chance(loss)) {
      // the stream is reset, before the message arrived or after
      if (dice.chance(0.5)) return
      if (dice.chance(0.5)) {
        clock.setTimer(clock.nowMs() + network.delayMs(), lose)
        return
      }
      clock.setTimer(clock.nowMs() + network.delayMs(), lose)
    }
    const atMs = Math.max(clock.nowMs() + network.delayMs(), this.#arrivals.get(stream) ?? 0)
    this.#arrivals.set(stream, atMs)
    clock.setTimer(atMs, () => {
      if (network.isCut(from.number, to.number)) return
      deliver(false)
    })
    if (!dice.chance(duplication)) return
    clock.setTimer(atMs + network.delayMs() * 10, () => {
      if (!network.isCut(from.number, to.number)) deliver(true)
    })
  }

  /** The data of a snapshot, sometimes cut off. */
  async *#cut(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { dice, network, clock } = this.#world
    await clock.sleep(network.delayMs())
    for await (const part of data) {
      if (!dice.chance(network.weather.loss)) yield part
      else {
        yield part.subarray(0, dice.between(0, part.length))
        return
      }
    }
  }
}
