import type { Metrics } from '@libp2p/interface'
import type { Component } from './component.ts'
import type { ConfigSection } from './config-section.ts'
import type { BaseContext, Collaborators } from './context.ts'
import type { Adder } from '../ports/adder.ts'
import type { BlockExchange } from '../ports/block-exchange.ts'
import type { Consensus } from '../ports/consensus.ts'
import type { Informer } from '../ports/informer.ts'
import type { IpfsConnector } from '../ports/ipfs-connector.ts'
import type { OfflineState } from '../ports/offline-state.ts'
import type { PeerDatastore } from '../ports/peer-datastore.ts'
import type { PeerMonitor } from '../ports/peer-monitor.ts'
import type { PinAllocator } from '../ports/pin-allocator.ts'
import type { PinTracker } from '../ports/pin-tracker.ts'

/** Which collaborators a kind of component sees. The order of the keys is the order of creation. */
export interface Needs {
  observations: never
  datastore: never
  exchange: 'network'
  monitor: 'network'
  ipfs_connector: 'datastore' | 'network' | 'exchange'
  consensus: 'datastore' | 'network' | 'exchange' | 'remote' | 'monitor' | 'bootstrap'
  pin_tracker: 'datastore' | 'pinset' | 'ipfs'
  informer: 'ipfs' | 'tracker'
  allocator: never
  adder: never
  api: 'cluster' | 'httpHost' | 'ipfsConnector' | 'indexStore'
}

/** A section of `service.json`. `exchange` and `adder` are ours: absent means the built-in one with its defaults. */
export type Kind = keyof Needs

/** What a component of each kind is. */
export interface Instances {
  /** `metrics` is what the other components count with; the first that has one gives it. */
  observations: Component & { readonly metrics?: Metrics | undefined }
  datastore: Component & { readonly datastore: PeerDatastore }
  exchange: BlockExchange
  monitor: PeerMonitor
  ipfs_connector: IpfsConnector
  consensus: Consensus
  pin_tracker: PinTracker
  informer: Informer
  allocator: PinAllocator
  adder: Adder
  api: Component
}

/** What a component of a kind is created with. */
export type ComponentContext<K extends Kind> = BaseContext & Pick<Collaborators, Needs[K]>

/** The version of the ports in this package. A loader takes this one and the one before. */
export const PORT_VERSION = 1

/**
 * The default export of a component package.
 *
 * @example
 * ```ts
 * const descriptor: ComponentDescriptor<'allocator', Config> = {
 *   port: PORT_VERSION, kind: 'allocator', name: 'balanced', config, create: (context, config) => new Balanced(config)
 * }
 * export default descriptor
 * ```
 */
export interface ComponentDescriptor<K extends Kind = Kind, C = unknown> {
  /** The version of the port that it implements. */
  readonly port: number
  readonly kind: K
  /** The key in the section of its kind. */
  readonly name: string
  readonly config: ConfigSection<C>
  /** Has no effect by itself: work begins with `beforeStart`. */
  create(context: ComponentContext<K>, config: C): Instances[K]
  /** Consensus only: its state while no peer runs, for export, import and cleanup. */
  offline?(context: BaseContext & { readonly datastore: PeerDatastore }, config: C): OfflineState
}
