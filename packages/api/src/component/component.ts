import type { AbortOptions } from '@libp2p/interface'

/** The life of a component. Methods that a component does not need are left out. */
export interface Component {
  /** Bind, open, lock. A failure stops what is open, in reverse. */
  beforeStart?(options: AbortOptions): void | Promise<void>
  /** Collaborators are open: work and serve from here. */
  start?(options: AbortOptions): void | Promise<void>
  /** Idempotent, also after a failed `beforeStart`. An abort means: hurry. */
  stop?(options: AbortOptions): void | Promise<void>
}
