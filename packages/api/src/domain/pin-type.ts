/**
 * The kind of a pin. Values are bits, so that `all` is their union.
 *
 * @see behaviours.md §0.3
 */
export const PinType = { bad: 1, data: 2, meta: 4, clusterDag: 8, shard: 16, all: 30 } as const
/** A value of {@link PinType}; other numbers may arrive by wire and count as bad. */
export type PinType = number

const names: ReadonlyMap<PinType, string> = new Map([
  [PinType.data, 'pin'],
  [PinType.meta, 'meta-pin'],
  [PinType.clusterDag, 'clusterdag-pin'],
  [PinType.shard, 'shard-pin'],
  [PinType.all, 'all']
])

/** The JSON name of a pin type; `bad-type` for a value that has none. */
export function pinTypeToString(type: PinType): string {
  return names.get(type) ?? 'bad-type'
}

/** Reads the JSON name. The empty text means all, an unknown one bad. */
export function pinTypeFromString(text: string): PinType {
  if (text === '') return PinType.all
  for (const [type, name] of names) if (name === text) return type
  return PinType.bad
}
