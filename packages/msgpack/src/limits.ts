/** What a reader allows before it takes memory or stack. */
export interface ReadLimits {
  /** Nesting of arrays, maps and structs. */
  readonly maxDepth: number
  /** Entries of one array or map. */
  readonly maxItems: number
}

/** Nesting allowed by default: the deepest type of the cluster has 5 levels; `any` values get room. */
export const DEFAULT_MAX_DEPTH = 64

/** Entries of one array or map allowed by default: bounds the objects that a few bytes can ask for. */
export const DEFAULT_MAX_ITEMS = 1_048_576

/** Bytes of one value that a {@link ValueScanner} lets a sender announce by default: 64 MiB. */
export const DEFAULT_MAX_VALUE_BYTES = 67_108_864

/** Bytes that one {@link Writer} grows to by default: 1 GiB, below the length of a JavaScript buffer. */
export const DEFAULT_MAX_WRITER_BYTES = 1_073_741_824

/** The limits used when none are given. */
export const defaultReadLimits: ReadLimits = Object.freeze({
  maxDepth: DEFAULT_MAX_DEPTH,
  maxItems: DEFAULT_MAX_ITEMS
})
