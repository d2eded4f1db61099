/** Time as engines and components see it, handed in so that tests and simulations own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
  /** Calls back at a time; returns what cancels it. */
  setTimer(atMs: number, fn: () => void): () => void
  /** Calls back soon, after the current work. */
  soon(fn: () => void): void
}
