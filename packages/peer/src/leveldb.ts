import {
  ClusterError,
  PORT_VERSION,
  type BaseContext,
  type ComponentDescriptor,
  type Instances,
  type PeerDatastore
} from '@cluster/api'
import {
  decimalNumber,
  flag,
  group,
  integer,
  numbers,
  section,
  text,
  unsignedInteger,
  type Option,
  type ValuesOf
} from '@cluster/config'
import { DatastoreError, fromGoOptions, LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { resolve } from 'node:path'

const size = (description: string): Option<number> => integer({ default: 0, description: `${description} 0: default.` })
const KEPT = 'No counterpart here; kept for Go peers.'
const ignored = (): Option<number> => integer({ default: 0, description: KEPT })
const ignoredFactor = (): Option<number> => decimalNumber({ default: 0, description: KEPT })
const ignoredFactors = (): Option<readonly number[] | null> => numbers({ default: null, description: KEPT })
const ignoredFlag = (): Option<boolean> => flag({ default: false, description: KEPT })

const config = section({
  name: 'leveldb',
  env: 'CLUSTER_LEVELDB',
  options: {
    folder: text({ default: 'leveldb', omit: true, description: 'Folder of the database, below that of the peer.' }),
    leveldb_options: group({
      block_cache_capacity: size('Bytes of the cache of uncompressed blocks.'),
      block_cache_evict_removed: ignoredFlag(),
      block_restart_interval: size('Keys between two full keys of a block.'),
      block_size: size('Bytes of a block.'),
      compaction_expand_limit_factor: ignored(),
      compaction_gp_overlaps_factor: ignored(),
      compaction_l0_trigger: ignored(),
      compaction_source_limit_factor: ignored(),
      compaction_table_size: size('Bytes of a table.'),
      compaction_table_size_multiplier: ignoredFactor(),
      compaction_table_size_multiplier_per_level: ignoredFactors(),
      compaction_total_size: ignored(),
      compaction_total_size_multiplier: ignoredFactor(),
      compaction_total_size_multiplier_per_level: ignoredFactors(),
      compression: unsignedInteger({ default: 0, description: '1 for tables without compression.' }, 'uint'),
      disable_buffer_pool: ignoredFlag(),
      disable_block_cache: ignoredFlag(),
      disable_compaction_backoff: ignoredFlag(),
      disable_large_batch_transaction: ignoredFlag(),
      iterator_sampling_rate: ignored(),
      no_sync: flag({
        default: false,
        description: 'Answer writes before they are on disk: loses data with the power.'
      }),
      no_write_merge: ignoredFlag(),
      open_files_cache_capacity: size('Files that may be open at once.'),
      read_only: ignoredFlag(),
      strict: unsignedInteger({ default: 0, description: KEPT }, 'uint'),
      write_buffer: size('Bytes of the log before it becomes a table.'),
      write_l0_pause_trigger: ignored(),
      write_l0_slowdown_trigger: ignored()
    })
  }
})
type LeveldbConfig = ValuesOf<typeof config>

class LeveldbComponent {
  readonly #folder: string
  readonly #config: LeveldbConfig
  #store: LevelPeerDatastore | undefined

  constructor(context: BaseContext, config: LeveldbConfig) {
    this.#folder = resolve(context.baseDir, config.folder)
    this.#config = config
  }

  get datastore(): PeerDatastore {
    if (this.#store !== undefined) return this.#store
    throw new ClusterError('NOT_READY', `the datastore in ${this.#folder} is not open`)
  }

  async beforeStart(): Promise<void> {
    const { leveldbOptions: o } = this.#config
    const tuning = fromGoOptions({
      block_cache_capacity: o.blockCacheCapacity,
      block_restart_interval: o.blockRestartInterval,
      block_size: o.blockSize,
      compaction_table_size: o.compactionTableSize,
      compression: o.compression,
      no_sync: o.noSync,
      open_files_cache_capacity: o.openFilesCacheCapacity,
      write_buffer: o.writeBuffer
    })
    try {
      this.#store = await LevelPeerDatastore.open(this.#folder, tuning)
    } catch (error) {
      if (!(error instanceof DatastoreError)) throw error
      const code = error.code === 'ERR_DATASTORE_LOCKED' ? 'BUSY' : 'STORAGE'
      throw new ClusterError(code, error.message, { cause: error })
    }
  }

  async stop(): Promise<void> {
    await this.#store?.close()
    this.#store = undefined
  }
}

/**
 * The datastore of a peer in LevelDB, in a folder that a Go peer reads as well.
 *
 * @see cli-config.md §4.4, wire-crdt.md §5.2
 */
export const leveldb: ComponentDescriptor<'datastore', LeveldbConfig> = {
  port: PORT_VERSION,
  kind: 'datastore',
  name: 'leveldb',
  config,
  create: (context, values): Instances['datastore'] => new LeveldbComponent(context, values)
}
