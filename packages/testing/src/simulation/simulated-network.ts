import type { Clock } from '@cluster/api'

/** How unreliable a network is. */
export interface NetworkWeather {
  /** Share of messages that are lost, 0 to 1. */
  loss: number
  /** Share of messages that arrive twice. */
  duplication: number
  /** Delay of a message: uniform, so that a later one may overtake it. */
  minDelayMs: number
  maxDelayMs: number
}

const FINE: NetworkWeather = { loss: 0, duplication: 0, minDelayMs: 1, maxDelayMs: 20 }

/**
 * The network of a simulation: messages between numbered peers are delayed, reordered, lost and doubled, and links are
 * cut in one direction or both.
 */
export class SimulatedNetwork {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #cut = new Set<number>()
  weather: NetworkWeather = { ...FINE }

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Calls `deliver` when and as often as the message arrives. */
  send(from: number, to: number, deliver: () => void): void {
    const { loss, duplication } = this.weather
    if (this.isCut(from, to)) return
    const copies = this.#random() < loss ? 0 : this.#random() < duplication ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      this.#clock.setTimer(this.#clock.nowMs() + this.delayMs(), () => {
        if (!this.isCut(from, to)) deliver()
      })
    }
  }

  /** The delay of one message now. */
  delayMs(): number {
    const { minDelayMs, maxDelayMs } = this.weather
    return minDelayMs + this.#random() * (maxDelayMs - minDelayMs)
  }

  /** Whether nothing gets from one peer to the other; what is on its way is lost, too. */
  isCut(from: number, to: number): boolean {
    return this.#cut.has(link(from, to))
  }

  /** Cuts one direction. */
  cut(from: number, to: number): void {
    if (from !== to) this.#cut.add(link(from, to))
  }

  /** Cuts all links between the peers of one side and the others. */
  partition(peers: Iterable<number>, side: ReadonlySet<number>): void {
    const all = [...peers]
    for (const a of all) {
      for (const b of all) if (side.has(a) !== side.has(b)) this.cut(a, b)
    }
  }

  /** All links are there again, and the weather is fine. */
  heal(): void {
    this.#cut.clear()
    this.weather = { ...FINE }
  }

  /** Links as they were before a cut; the weather stays. */
  mend(): void {
    this.#cut.clear()
  }
}

/** Most peers of a network. */
const MAX_PEERS = 65_536

function link(from: number, to: number): number {
  return from * MAX_PEERS + to
}
