import { SimulatedClock, SimulatedNetwork, type Dice, type SimulationReport } from '@cluster/testing'
import { encodeConfiguration, EntryType, sealEntry, votersOf, type LogEntry } from '../src/index.ts'
import { Ledger } from './ledger.ts'
import { Peer } from './peer.ts'

/** All servers, what is between them, and what the simulation knows of them. */
export class World {
  readonly clock = new SimulatedClock(0)
  readonly dice: Dice
  readonly network: SimulatedNetwork
  readonly ledger = new Ledger()
  readonly peers: readonly Peer[]
  /** The first servers. */
  readonly voters: readonly string[]
  readonly firstEntry: LogEntry
  readonly stopping: Promise<void>[] = []
  readonly #report: SimulationReport
  #failure: { readonly error: unknown } | undefined

  constructor(dice: Dice, voters: number, others: number, report: SimulationReport) {
    this.dice = dice
    this.#report = report
    if (report.trace !== undefined) {
      this.ledger.trace = (line) => {
        this.tell(line)
      }
    }
    this.network = new SimulatedNetwork(this.clock, dice.random)
    this.peers = Array.from({ length: voters + others }, (_, number) => new Peer(this, number, number < voters))
    this.voters = this.peers.slice(0, voters).map(({ name }) => name)
    const data = encodeConfiguration(votersOf(this.voters))
    const { configuration: type } = EntryType
    this.firstEntry = sealEntry({ index: 1, term: 1, type, data, extensions: undefined, appendedAt: undefined })
  }

  peer(name: string): Peer | undefined {
    return this.peers[name.charCodeAt(0) - 65]
  }

  /** A line for the trace. */
  tell(line: () => string): void {
    const { trace } = this.#report
    if (trace !== undefined) trace(`${Math.round(this.clock.nowMs())} ms: ${line()}`)
  }

  /** Something is wrong; the first time counts. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** Runs a check where a throw would be caught by somebody else. */
  attempt(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.fail(error)
    }
  }

  /**
   * Moves time on.
   *
   * @throws what went wrong meanwhile
   */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms, () => this.#failure !== undefined)
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
