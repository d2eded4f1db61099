/** Bytes of a shard unless said otherwise (100 MiB). */
export const DEFAULT_SHARD_SIZE = 104_857_600n
