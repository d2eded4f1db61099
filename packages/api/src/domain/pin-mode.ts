/**
 * Whether a pin covers the whole DAG below its CID or the one block.
 *
 * @see behaviours.md §0.4
 */
export const PinMode = { recursive: 0, direct: 1 } as const
/** A value of {@link PinMode}; other numbers may arrive by wire and count as recursive. */
export type PinMode = number

/** How many levels of links a pin covers: −1 all, 0 none, 1 for shards. */
export type PinDepth = number

/** The JSON name of a mode; `recursive` for a value that has none. */
export function pinModeToString(mode: PinMode): 'recursive' | 'direct' {
  return mode === PinMode.direct ? 'direct' : 'recursive'
}

/** Reads the JSON name. The empty and any unknown text mean recursive. */
export function pinModeFromString(text: string): PinMode {
  return text === 'direct' ? PinMode.direct : PinMode.recursive
}

/** The depth that a mode asks for. */
export function pinModeToDepth(mode: PinMode): PinDepth {
  return mode === PinMode.direct ? 0 : -1
}

/** The mode that a depth stands for. Shard pins, of depth 1, read back as recursive. */
export function pinDepthToMode(depth: PinDepth): PinMode {
  return depth === 0 ? PinMode.direct : PinMode.recursive
}
