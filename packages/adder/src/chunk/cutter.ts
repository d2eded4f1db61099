/**
 * Finds where the chunks of one file end. It is asked again with more bytes until it can tell; what it has already
 * looked at it does not look at again.
 */
export interface Cutter {
  /** The longest chunk that it makes, in bytes. */
  readonly maxSize: number
  /**
   * The length of the chunk that begins at `from`; 0 while more bytes are needed to tell. Between two calls the bytes of
   * a chunk that is not cut yet may move, but not change.
   */
  cut(bytes: Uint8Array, from: number, to: number): number
}
