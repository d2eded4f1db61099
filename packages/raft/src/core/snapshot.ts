import type { Configuration } from '../configuration.ts'

/** A snapshot that is on the disk: the state after the entry `index`, and the servers at that point. */
export interface Snapshot {
  /** Its name in the store. */
  readonly id: string
  readonly index: number
  readonly term: number
  readonly configuration: Configuration
  /** Index of the entry that the configuration is from. */
  readonly configurationIndex: number
  /** Bytes of data. */
  readonly size: number
}
