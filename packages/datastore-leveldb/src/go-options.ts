/** Tuning of LevelDB, in the terms of the C++ library. Absent = the library's default. */
export interface LevelTuning {
  /** fsync before a write is answered. Default true; false loses acknowledged writes on a power loss. */
  sync?: boolean
  /** Snappy compression of tables. Default true. */
  compression?: boolean
  /** Bytes of the cache of uncompressed blocks. */
  cacheSize?: number
  /** Bytes of the log before it becomes a table. */
  writeBufferSize?: number
  /** Bytes of a block in a table. */
  blockSize?: number
  /** Keys between two full keys in a block. */
  blockRestartInterval?: number
  /** Bytes of a table. */
  maxFileSize?: number
  /** Files that may be open at once. */
  maxOpenFiles?: number
}

/** The members of `datastore.leveldb.leveldb_options` of a `service.json` that have a counterpart here. */
export interface GoLevelOptions {
  block_cache_capacity?: number
  block_restart_interval?: number
  block_size?: number
  compaction_table_size?: number
  compression?: number
  no_sync?: boolean
  open_files_cache_capacity?: number
  write_buffer?: number
}

/** goleveldb's code for tables without compression. */
const GO_NO_COMPRESSION = 1

/**
 * Reads `leveldb_options` as the Go peer means them: zero is the default, and what has no counterpart is ignored.
 *
 * @see spec/wire-crdt.md §5.2
 */
export function fromGoOptions(options: GoLevelOptions): LevelTuning {
  const tuning: LevelTuning = {}
  if (options.no_sync === true) tuning.sync = false
  if (options.compression === GO_NO_COMPRESSION) tuning.compression = false
  if (isSet(options.block_cache_capacity)) tuning.cacheSize = options.block_cache_capacity
  if (isSet(options.write_buffer)) tuning.writeBufferSize = options.write_buffer
  if (isSet(options.block_size)) tuning.blockSize = options.block_size
  if (isSet(options.block_restart_interval)) tuning.blockRestartInterval = options.block_restart_interval
  if (isSet(options.compaction_table_size)) tuning.maxFileSize = options.compaction_table_size
  if (isSet(options.open_files_cache_capacity)) tuning.maxOpenFiles = options.open_files_cache_capacity
  return tuning
}

function isSet(value: number | undefined): value is number {
  return value !== undefined && value > 0
}
