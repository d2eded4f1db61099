import type { Clock, IpfsHealth } from '@cluster/api'

/**
 * Whether the daemon answers, from how its calls end: down when nobody listens at its address, when it cannot say in
 * time who it is, or when ten calls in a row had no answer; up with any answer.
 */
export class DaemonHealth {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #onChange: (health: IpfsHealth) => void
  #now: IpfsHealth

  /** @param onChange - told of each change of the state */
  constructor(clock: Pick<Clock, 'nowMs'>, onChange: (health: IpfsHealth) => void) {
    this.#clock = clock
    this.#onChange = onChange
    this.#now = { state: 'unknown', sinceMs: clock.nowMs(), reason: '' }
  }

  get now(): IpfsHealth {
    return this.#now
  }

  /** There was an answer, whatever it said. */
  up(): void {
    this.#change('up', '')
  }

  down(reason: string): void {
    this.#change('down', reason)
  }

  #change(state: IpfsHealth['state'], reason: string): void {
    if (this.#now.state === state) return
    this.#now = { state, sinceMs: this.#clock.nowMs(), reason }
    this.#onChange(this.#now)
  }
}
