import {
  ClusterError,
  type BaseContext,
  type ComponentContext,
  type Instances,
  type Kind,
  type OfflineState
} from '@cluster/api'
import type { Identity } from '@cluster/config'
import type { Logging } from '@cluster/observability'
import { facilityOf } from './log-facility.ts'
import type { ConfiguredComponent, PeerConfig } from './peer-config.ts'
import { systemClock } from './system-clock.ts'

/** Whose state is wanted. */
export interface OfflineOptions {
  readonly config: PeerConfig
  readonly identity: Identity
  readonly logging: Logging
}

/** The state of a peer that does not run, with its datastore open. */
export interface OpenOfflineState extends OfflineState {
  /** Closes the datastore. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the pinset of a peer that does not run, in the datastore that its configuration names. While it is open no peer
 * can start from that folder, and the other way round.
 *
 * @throws {ClusterError} `BUSY` while a peer runs from the folder, `STORAGE`, and `NOT_SUPPORTED` for a consensus that
 * keeps no state there
 * @see cli-config.md §2.7
 */
export async function openOfflineState({ config, identity, logging }: OfflineOptions): Promise<OpenOfflineState> {
  const [consensus] = config.components.consensus
  const [datastore] = config.components.datastore
  if (consensus === undefined || datastore === undefined) {
    throw new ClusterError('CONFIG_INVALID', 'the configuration names no consensus or no datastore')
  }
  if (consensus.descriptor.offline === undefined) {
    throw new ClusterError('NOT_SUPPORTED', `the state of ${consensus.descriptor.name} is not kept in the datastore`)
  }
  const over = new AbortController()
  const contextOf = ({ descriptor }: ConfiguredComponent): BaseContext => ({
    self: identity.id,
    peername: config.cluster.peername,
    baseDir: config.baseDir,
    log: logging.logger(facilityOf(descriptor)),
    libp2pLogger: logging.libp2p,
    metrics: undefined,
    clock: systemClock,
    random: Math.random,
    signal: over.signal,
    fatal: (error) => {
      logging.logger(facilityOf(descriptor)).error(error.message)
    }
  })
  // Descriptors are checked when they are loaded: what they say of kinds holds.
  const storeContext: unknown = contextOf(datastore)
  const store = datastore.descriptor.create(
    storeContext as ComponentContext<Kind>,
    datastore.config
  ) as Instances['datastore']
  const close = async (): Promise<void> => {
    over.abort()
    await store.stop?.({})
  }
  try {
    await store.beforeStart?.({})
    await store.start?.({})
    const context = { ...contextOf(consensus), datastore: store.datastore }
    const state = consensus.descriptor.offline(context, consensus.config)
    return {
      export: (options) => state.export(options),
      import: (pins, options) => state.import(pins, options),
      clean: (options) => state.clean(options),
      dag: state.dag,
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}
