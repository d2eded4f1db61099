import { isVoter, type Configuration, type ServerId } from '../configuration.ts'

/** A configuration and the index of the entry that it came with. */
export interface PlacedConfiguration {
  readonly index: number
  readonly configuration: Configuration
}

/** The configuration in effect, and the last one that is known to be committed. @see wire-raft.md §3.6 */
export class ServerSet {
  #latest: PlacedConfiguration
  #committed: PlacedConfiguration

  /** @param placed - from the snapshot and the log, oldest first */
  constructor(placed: readonly PlacedConfiguration[]) {
    const none: PlacedConfiguration = { index: 0, configuration: { servers: [] } }
    this.#latest = placed.at(-1) ?? none
    this.#committed = placed.at(-2) ?? none
  }

  /** In effect from when it is appended, committed or not. */
  get latest(): Configuration {
    return this.#latest.configuration
  }

  get latestIndex(): number {
    return this.#latest.index
  }

  get committed(): PlacedConfiguration {
    return this.#committed
  }

  get isCommitted(): boolean {
    return this.#latest.index === this.#committed.index
  }

  isVoter(id: ServerId): boolean {
    return isVoter(this.latest, id)
  }

  isMember(id: ServerId): boolean {
    return this.latest.servers.some((server) => server.id === id)
  }

  append(index: number, configuration: Configuration): void {
    this.#committed = this.#latest
    this.#latest = { index, configuration }
  }

  /** The log ends before `index` now. */
  truncateFrom(index: number): void {
    if (this.#latest.index >= index) this.#latest = this.#committed
  }

  /** Returns whether the latest configuration became committed by this. */
  commit(index: number): boolean {
    if (this.isCommitted || index < this.#latest.index) return false
    this.#committed = this.#latest
    return true
  }

  /** A snapshot was installed; what is later in a log that is kept stays in effect. */
  install(placed: PlacedConfiguration, isLogKept: boolean): void {
    this.#committed = placed
    if (!isLogKept || this.#latest.index <= placed.index) this.#latest = placed
  }
}
