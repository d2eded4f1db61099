/** Room that a leaf's envelope takes at most, in front of the bytes and behind them. */
export const ENVELOPE = { before: 16, after: 8 } as const

/** A piece of a file. */
export interface Chunk {
  readonly data: Uint8Array
  /** Whether the memory around `data` is free for an {@link ENVELOPE}. */
  readonly hasRoom: boolean
}
