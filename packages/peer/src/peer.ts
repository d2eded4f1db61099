import {
  CLUSTER_VERSION,
  ClusterError,
  isClusterError,
  limitCounter,
  PEER_EXTENSIONS,
  RPC_PROTOCOL,
  toClusterError,
  type BaseContext,
  type Cluster,
  type Collaborators,
  type Component,
  type ComponentContext,
  type Instances,
  type Kind,
  type Logger
} from '@cluster/api'
import { createCluster, type Core } from '@cluster/cluster'
import type { Identity } from '@cluster/config'
import { createHost, type FindAddresses, type Host } from '@cluster/host'
import type { Logging } from '@cluster/observability'
import { authorizeByPolicy, RpcError, RpcServer } from '@cluster/rpc'
import { rpcMethods } from '@cluster/wire'
import type { AbortOptions, Metrics, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { Key } from 'interface-datastore'
import { join } from 'node:path'
import { startParts, stopParts, type Part } from './lifecycle.ts'
import { facilityOf } from './log-facility.ts'
import { askConnectedPeers } from './ask-connected-peers.ts'
import { joinPatiently } from './join-patiently.ts'
import { coreMemory } from './core-memory.ts'
import { diskScratch } from './disk-scratch.ts'
import { contextFor } from './needs.ts'
import { HostNetwork, toNetworkError } from './network.ts'
import type { ConfiguredComponent, PeerConfig } from './peer-config.ts'
import { RpcRemote } from './remote.ts'
import { systemClock } from './system-clock.ts'

/** What a peer is made of. */
export interface PeerOptions {
  readonly config: PeerConfig
  readonly identity: Identity
  readonly logging: Logging
  /** Peers to join, each address with its `/p2p/`; whether a CRDT consensus trusts them. */
  readonly bootstrap?: { readonly addresses: readonly Multiaddr[]; readonly trust: boolean }
}

/**
 * A whole cluster peer, made of the components that its configuration names.
 *
 * @example
 * ```ts
 * const peer = createPeer({ config: await loadPeerConfig(text, folder, process.env, builtIns), identity, logging })
 * await peer.start()
 * await peer.cluster.health.ready({})
 * await peer.stop()
 * ```
 * @see ARCHITECTURE.md §2
 */
export interface Peer {
  readonly id: PeerId
  /**
   * Opens everything and sets it to work. The peer serves from then on; it is ready later, see
   * `cluster.health.ready()`.
   *
   * @throws {ClusterError} naming what could not be started, after everything was stopped again
   */
  start(options?: AbortOptions): Promise<void>
  /** Stops everything in order. Idempotent; afterwards nothing of the peer keeps the process alive. */
  stop(): Promise<void>
  /** Resolves when the peer has stopped, by `stop()` or by itself; rejects with what brought it down. */
  readonly done: Promise<void>
  /**
   * What APIs see of the peer.
   *
   * @throws {ClusterError} `NOT_READY` before `start()` was called
   */
  readonly cluster: Cluster
}

/** Makes a peer. It has no effect until it is started, and is started once. */
export function createPeer(options: PeerOptions): Peer {
  return new ComposedPeer(options)
}

class ComposedPeer implements Peer {
  readonly id: PeerId
  readonly #options: PeerOptions
  readonly #log: Logger
  /** Aborted when the peer begins to stop. */
  readonly #stopping = new AbortController()
  /** Aborted when it has stopped. */
  readonly #over = new AbortController()
  readonly #done = Promise.withResolvers<undefined>()
  #parts: Part[] = []
  #core: Core | undefined
  #metrics: Metrics | undefined
  #findAddresses: FindAddresses | undefined
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #fault: ClusterError | undefined

  constructor(options: PeerOptions) {
    this.#options = options
    this.id = options.identity.id
    this.#log = options.logging.logger('cluster')
    this.#done.promise.catch(() => undefined)
  }

  get done(): Promise<void> {
    return this.#done.promise
  }

  get cluster(): Cluster {
    if (this.#core !== undefined) return this.#core
    throw new ClusterError('NOT_READY', 'the peer was not started')
  }

  async start({ signal }: AbortOptions = {}): Promise<void> {
    if (this.#starting !== undefined) throw new ClusterError('STOPPED', 'a peer is started once: make another one')
    const { signal: stopping } = this.#stopping
    this.#starting = this.#start(signal === undefined ? stopping : AbortSignal.any([signal, stopping]))
    await this.#starting
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#log.info('shutting down Cluster')
    this.#stopping.abort(new ClusterError('STOPPED', 'the peer is stopping'))
    await this.#starting?.catch(() => undefined)
    await stopParts(this.#parts, this.#log)
    this.#parts = []
    this.#over.abort()
    // A peer that was removed has stopped as it should.
    if (this.#fault === undefined || isClusterError(this.#fault, 'STOPPED')) this.#done.resolve(undefined)
    else this.#done.reject(this.#fault)
  }

  async #start(signal: AbortSignal): Promise<void> {
    try {
      await this.#open(signal)
    } catch (error) {
      await stopParts(this.#parts, this.#log)
      this.#parts = []
      this.#over.abort()
      const fault = toClusterError(error)
      // Told to stop before it had started: then it has done as it was told.
      if (this.#stopping.signal.aborted) this.#done.resolve(undefined)
      else this.#done.reject(fault)
      throw fault
    }
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { config, identity, logging, bootstrap } = this.#options
    const { components } = config
    const the = (kind: Kind): ConfiguredComponent => {
      const [only] = components[kind]
      if (only === undefined) throw new ClusterError('CONFIG_INVALID', `${kind}: no component`)
      return only
    }
    const collaborators: { -readonly [K in keyof Collaborators]?: Collaborators[K] } = {}
    const create = <K extends Kind>(kind: K, { descriptor, config: values }: ConfiguredComponent): Instances[K] => {
      // The table of descriptors is checked when it is loaded: what it says of kinds holds.
      const context: unknown = contextFor(kind, this.#baseContext(facilityOf(descriptor)), collaborators)
      return descriptor.create(context as ComponentContext<Kind>, values) as Instances[K]
    }

    const observations = components.observations.map((component) => create('observations', component))
    await this.#launch(
      observations.map((component) => ({ name: 'observations', component })),
      signal
    )
    this.#metrics = observations.find(({ metrics }) => metrics !== undefined)?.metrics
    // The store and the host are opened first: what is created after them may use both at once.
    const store = create('datastore', the('datastore'))
    await this.#launch([{ name: 'datastore', component: store }], signal)
    collaborators.datastore = store.datastore
    collaborators.indexStore = store.datastore.namespace(new Key('/api'))
    collaborators.ipfsConnector = the('ipfs_connector').descriptor.name
    const host = await this.#openHost(store.datastore, signal)
    const network = new HostNetwork(host, this.#baseContext('cluster'))
    const remote = new RpcRemote(network.libp2p)
    this.#findAddresses = askConnectedPeers(network.libp2p, remote)
    Object.assign(collaborators, { network, remote, bootstrap: bootstrapPeers(bootstrap) })

    const exchange = (collaborators.exchange = create('exchange', the('exchange')))
    const monitor = (collaborators.monitor = create('monitor', the('monitor')))
    const ipfs = (collaborators.ipfs = create('ipfs_connector', the('ipfs_connector')))
    const consensus = create('consensus', the('consensus'))
    collaborators.pinset = consensus.pinset
    const tracker = (collaborators.tracker = create('pin_tracker', the('pin_tracker')))
    const informers = components.informer.map((component) => create('informer', component))
    const allocator = create('allocator', the('allocator'))
    const adder = create('adder', the('adder'))
    if (consensus.traits.secretIsTrust) collaborators.httpHost = network.libp2p

    const core = createCluster(
      {
        ...this.#baseContext('cluster'),
        consensus,
        monitor,
        tracker,
        ipfs,
        allocator,
        informers,
        adder,
        network,
        remote,
        memory: coreMemory(store.datastore),
        scratch: diskScratch(join(config.baseDir, 'scratch')),
        bandwidth: () => host.bandwidth()
      },
      config.cluster
    )
    this.#core = core
    collaborators.cluster = core
    const apis = components.api.map((component) => ({
      name: component.descriptor.name,
      component: create('api', component)
    }))
    this.#announce(host)
    await this.#launch(
      [
        { name: 'exchange', component: exchange },
        { name: 'monitor', component: monitor },
        { name: 'ipfs connector', component: ipfs },
        { name: 'consensus', component: withCleaning(consensus, core) },
        { name: 'pin tracker', component: tracker },
        ...informers.map((component) => ({ name: `informer ${component.name}`, component })),
        { name: 'allocator', component: allocator },
        { name: 'adder', component: adder },
        { name: 'RPC', component: this.#rpcServer(host, core, (peer) => consensus.isTrusted(peer)) },
        { name: 'core', component: core },
        ...apis
      ],
      signal
    )
    void this.#joinAll(core, bootstrap?.addresses ?? [])
    logging.logger('service').debug('all components run', { id: identity.id.toString() })
  }

  #baseContext(facility: string): BaseContext {
    const { config, logging } = this.#options
    return {
      self: this.id,
      peername: config.cluster.peername,
      baseDir: config.baseDir,
      log: logging.logger(facility),
      libp2pLogger: logging.libp2p,
      metrics: this.#metrics,
      clock: systemClock,
      random: Math.random,
      signal: this.#over.signal,
      fatal: (error) => {
        this.#fault ??= error
        if (error.code !== 'STOPPED') this.#log.error(error.message)
        void this.stop()
      }
    }
  }

  /** Starts parts and remembers them, so that they are stopped with the others. */
  async #launch(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    await startParts(parts, signal, this.#log)
    this.#parts.push(...parts)
  }

  async #openHost(datastore: Collaborators['datastore'], signal: AbortSignal): Promise<Host> {
    const { config, identity, logging } = this.#options
    const { cluster } = config
    const metrics = this.#metrics
    signal.throwIfAborted()
    let host: Host
    try {
      host = await createHost({
        privateKey: identity.privateKey,
        ...(cluster.secret === undefined ? {} : { secret: cluster.secret }),
        listen: cluster.listenMultiaddress,
        announce: cluster.announceMultiaddress,
        noAnnounce: cluster.noAnnounceMultiaddress,
        connectionManager: cluster.connectionManager,
        dialPeerTimeoutMs: cluster.dialPeerTimeoutMs,
        pubsub: cluster.pubsub,
        mdnsIntervalMs: cluster.mdnsIntervalMs,
        enableRelayHop: cluster.enableRelayHop,
        resources: cluster.resourceManager,
        mapPorts: true,
        peerstoreFile: join(config.baseDir, cluster.peerstoreFile === '' ? 'peerstore' : cluster.peerstoreFile),
        datastore,
        findAddresses: (peer, options) => this.#findAddresses?.(peer, options) ?? Promise.resolve([]),
        agentVersion: `ipfs-cluster-ts/${CLUSTER_VERSION}`,
        logger: logging.libp2p,
        ...(metrics === undefined ? {} : { metrics: () => metrics })
      })
    } catch (error) {
      throw toNetworkError(error)
    }
    this.#parts.push({ name: 'host', component: { stop: () => host.stop() } })
    if (cluster.secret === undefined) {
      this.#log.warn('Cluster secret is empty, cluster will start on unprotected network.')
    }
    await host.loadPeerstore({ signal })
    return host
  }

  #rpcServer(host: Host, core: Core, isTrusted: (peer: PeerId) => boolean): Component {
    const log = this.#options.logging.logger('p2p-gorpc')
    const limitReached = limitCounter(this.#metrics)
    const server = new RpcServer({
      libp2p: host.libp2p,
      protocol: RPC_PROTOCOL,
      methods: rpcMethods,
      handlers: core.handlers,
      authorize: authorizeByPolicy(rpcMethods, isTrusted),
      onFailure: ({ peer, method, error }) => {
        const isLimit = error instanceof RpcError && error.code === 'limit'
        if (isLimit) limitReached('rpc')
        log[isLimit ? 'warn' : 'debug'](`call of ${method} failed`, { peer: peer.toString(), error: error.message })
      }
    })
    return {
      async start() {
        await server.start()
        // Nobody opens streams of these: identify tells others that they are here.
        for (const extension of Object.values(PEER_EXTENSIONS)) {
          await host.libp2p.handle(extension, (stream) => {
            stream.abort(new ClusterError('NOT_SUPPORTED', 'this protocol only announces an extension'))
          })
        }
      },
      async stop() {
        await Promise.all(Object.values(PEER_EXTENSIONS).map((extension) => host.libp2p.unhandle(extension)))
        await server.stop()
      }
    }
  }

  #announce(host: Host): void {
    const lines = host.addresses().map((address) => `        ${address.toString()}`)
    this.#log.info([`IPFS Cluster v${CLUSTER_VERSION} listening on:`, ...lines, ''].join('\n'))
  }

  async #joinAll(core: Core, addresses: readonly Multiaddr[]): Promise<void> {
    const { signal } = this.#stopping
    for (const address of addresses) {
      this.#log.info(`Bootstrapping to ${address.toString()}`)
      const joined = await joinPatiently(core, address, signal, (reason) => {
        this.#log.error(`bootstrap to ${address.toString()} failed: ${reason}`)
      })
      if (!joined) return
    }
  }
}

/** A peer that left or was removed forgets its consensus data once that has stopped. */
function withCleaning(consensus: Instances['consensus'], core: Core): Component {
  return {
    beforeStart: (options) => consensus.beforeStart?.(options),
    start: (options) => consensus.start?.(options),
    async stop(options) {
      await consensus.stop?.(options)
      if (core.removed) await consensus.clean({})
    }
  }
}

function bootstrapPeers(bootstrap: PeerOptions['bootstrap']): Collaborators['bootstrap'] {
  if (bootstrap === undefined || bootstrap.addresses.length === 0) return undefined
  const peers = bootstrap.addresses.flatMap((address) => {
    const id = /\/p2p\/([^/]+)$/.exec(address.toString())?.[1]
    return id === undefined ? [] : [peerIdFromString(id)]
  })
  return { peers, trust: bootstrap.trust }
}
