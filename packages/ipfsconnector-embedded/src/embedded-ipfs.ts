import {
  type BaseContext,
  type Block,
  type BlockService,
  ClusterError,
  type Collaborators,
  type ComponentContext,
  formatDuration,
  type IpfsConnector,
  type IpfsConnectorEvents,
  type IpfsCounters,
  ipfsCounters,
  type IPFSID,
  type IPFSPinInfo,
  IPFSPinStatus,
  type IPFSRepoGC,
  type IPFSRepoStat,
  limitCounter,
  type NodeWithMeta,
  type Pages,
  type Pin,
  type PinDepth,
  parseContentPath
} from '@cluster/api'
import type { Listeners } from '@cluster/http'
import { IpfsNode, maxPinNameLength, type PinKind, type PinRecord, resolvePath } from '@cluster/ipfs-node'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { Key } from 'interface-datastore'
import { TypedEventEmitter } from 'main-event'
import type { CID } from 'multiformats/cid'
import { resolve as resolveFile } from 'node:path'
import { type EmbeddedConfig, storageMaxBytes } from './config.ts'
import { withProgress } from './deadline.ts'
import { openGateway } from './embedded-gateway.ts'
import { mountedBlocks } from './mounted-blocks.ts'
import { Operations } from './operations.ts'
import { receiveBlocks } from './receive-blocks.ts'
import { fromEngine } from './to-cluster-error.ts'
import { WantedBlocks, WHO_IS_ASKED } from './wanted-blocks.ts'

/** Where the pins are kept in the peer's datastore. */
const pinsNamespace = new Key('/embedded-ipfs')

/** Name of the mount at the peer's exchange. */
const mountName = 'ipfs'

/** What the connector needs. Without `network` it does not know the peer's connections. */
export type EmbeddedContext = Pick<BaseContext, 'self' | 'baseDir' | 'log' | 'clock'> &
  Pick<ComponentContext<'ipfs_connector'>, 'datastore' | 'exchange'> &
  Partial<Pick<Collaborators, 'network'> & Pick<BaseContext, 'metrics'>>

/**
 * The IPFS side of a peer inside the peer: blocks in a folder, pins in the peer's datastore, missing blocks from the
 * other peers over the peer's one exchange, and a read-only gateway. Its identity is that of the peer.
 *
 * @see behaviours.md §5; ARCHITECTURE.md §7
 */
export class EmbeddedIpfs extends TypedEventEmitter<IpfsConnectorEvents> implements IpfsConnector {
  readonly #context: EmbeddedContext
  readonly #config: EmbeddedConfig
  readonly #node: IpfsNode
  readonly #operations: Operations
  readonly #counters: IpfsCounters | undefined
  #service: BlockService | undefined
  #gateway: Listeners | undefined
  #triggers = 0

  /** Opens nothing: that is `beforeStart()`. */
  constructor(context: EmbeddedContext, config: EmbeddedConfig) {
    super()
    this.#context = context
    this.#config = config
    this.#counters = ipfsCounters(context.metrics)
    const limitReached = limitCounter(context.metrics)
    this.#operations = new Operations(({ message }) => {
      limitReached('ipfs_storage')
      context.log.warn(`IPFS has no room: ${message}`)
    })
    this.#node = new IpfsNode({
      blocksFolder: resolveFile(context.baseDir, config.folder),
      datastore: context.datastore.namespace(pinsNamespace),
      storageMaxBytes: storageMaxBytes(config),
      nowMs: () => context.clock.nowMs(),
      onDamaged: (cid) => {
        context.log.warn('removed a damaged block', { cid })
      }
    })
  }

  /** Opens the blocks, mounts them at the exchange and opens the gateway: all before anything is announced. */
  async beforeStart(): Promise<void> {
    try {
      await this.#node.open()
      this.#service = this.#context.exchange.mount(mountName, mountedBlocks(this.#node))
      this.#gateway = await openGateway({
        addresses: this.#config.gatewayListenMultiaddress,
        get: (cid, options) => this.#getBlock(cid, options, this.#config.gatewayTimeoutMs),
        log: this.#context.log
      })
    } catch (error) {
      throw fromEngine(error)
    }
  }

  start(): void {
    this.#operations.open()
  }

  /** Ends what runs, then closes gateway, mount and blocks. An abort means: cut answers of the gateway at once. */
  async stop({ signal }: AbortOptions): Promise<void> {
    await this.#gateway?.stop({ graceMs: 1000, ...(signal === undefined ? {} : { signal }) })
    await this.#operations.close()
    this.#service?.unmount()
    this.#service = undefined
    await this.#node.close()
  }

  async ready({ signal }: AbortOptions): Promise<void> {
    await this.#operations.opened(signal)
  }

  /**
   * The peer's own ID: there is no second host. Without addresses: other peers would have their IPFS daemons dial them,
   * and those are not in the private network.
   */
  id(options: AbortOptions): Promise<IPFSID> {
    return this.#operations.run(options, () =>
      Promise.resolve({ id: this.#context.self, addresses: undefined, error: '' })
    )
  }

  /**
   * Does nothing when the pin is there already. Gives up when no block arrives for `pin_timeout`, however long the pin
   * takes. Origins are not asked: all peers that can be asked are in the private network already.
   *
   * @throws {ClusterError} `TIMEOUT`, `LIMIT` (storage), `IPFS` (direct pin of a recursive root), `CORRUPT`,
   * `NOT_SUPPORTED` (codec or hash function)
   */
  pin(pin: Pin, options: AbortOptions & { onProgress?(nodes: number, bytes?: number): void }): Promise<void> {
    const limitMs = this.#config.pinTimeoutMs
    return this.#operations.run(options, async (signal) => {
      const depth = depthOf(pin.maxDepth)
      const before = await this.#node.getPin(pin.cid, { signal })
      if (isCovered(before, depth)) {
        this.#node.releaseLingering(pin.cid)
        return
      }
      this.#trigger()
      this.#counters?.pinAdd.increment()
      const session = new WantedBlocks(this.#mounted().createSession())
      const message = (): string => `pin operation timed out: no progress for ${formatDuration(limitMs)}${session.hint}`
      try {
        await withProgress({ clock: this.#context.clock, limitMs, message, signal }, (limited, progress) =>
          this.#node.pin(pin.cid, {
            depth,
            name: pin.name.slice(0, maxPinNameLength).toWellFormed(), // for people; the pinset has the whole name
            fetch: session,
            signal: limited,
            onProgress: (nodes) => {
              progress()
              options.onProgress?.(nodes)
            }
          })
        )
        if (before === undefined) this.#counters?.ipfsPins.increment()
      } catch (error) {
        this.#counters?.pinAddErrors.increment()
        throw error
      } finally {
        session.close()
        this.#trigger()
      }
    })
  }

  unpin(cid: CID, options: AbortOptions): Promise<void> {
    return this.#operations.run(options, async (signal) => {
      if (this.#config.unpinDisable) {
        throw new ClusterError('NOT_SUPPORTED', 'ipfs unpinning is disallowed by configuration on this peer')
      }
      if ((await this.#node.getPin(cid, { signal })) === undefined) return
      await this.#node.unpin(cid, { signal })
      this.#counters?.ipfsPins.decrement()
    })
  }

  /** `recursive` or `direct` when there is a pin that fulfils this one, else `unpinned`, also for indirect ones. */
  pinLsCid(pin: Pin, options: AbortOptions): Promise<IPFSPinStatus> {
    return this.#operations.run(options, async (signal) => {
      const found = await this.#node.getPin(pin.cid, { signal })
      if (found === undefined || !isCovered(found, depthOf(pin.maxDepth))) return IPFSPinStatus.unpinned
      return found.depth === 0 ? IPFSPinStatus.direct : IPFSPinStatus.recursive
    })
  }

  async *pinLs(types: readonly PinKind[], options: AbortOptions): Pages<IPFSPinInfo> {
    let listed = 0
    for await (const page of this.#operations.each(options, (signal) => this.#node.listPins(types, { signal }))) {
      listed += page.length
      yield page.map(({ cid, depth }) => ({
        cid,
        type: depth === 0 ? IPFSPinStatus.direct : IPFSPinStatus.recursive
      }))
    }
    if (types.length === 2) this.#counters?.ipfsPins.update(listed)
  }

  /** Stores, announces and flushes the blocks; each is verified. They are held for `hold_time` or until pinned. */
  blockStream(blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void> {
    return this.#operations.run(options, async (signal) => {
      this.#counters?.blocksPut.increment()
      try {
        await receiveBlocks(blocks, {
          node: this.#node,
          store: (stored) => this.#store(stored, { signal }),
          signal,
          holdMs: this.#config.holdTimeMs
        })
      } catch (error) {
        this.#counters?.blocksPutErrors.increment()
        throw error
      } finally {
        this.#trigger()
      }
    })
  }

  /** From here, else from other peers within `request_timeout`. */
  blockGet(cid: CID, options: AbortOptions): Promise<Uint8Array> {
    return this.#operations.run(options, (signal) => this.#getBlock(cid, { signal }, this.#config.requestTimeoutMs))
  }

  /** @throws {ClusterError} `BAD_REQUEST`, `NOT_FOUND`, `TIMEOUT`, `NOT_SUPPORTED` for `/ipns` */
  resolve(path: string, options: AbortOptions): Promise<CID> {
    return this.#operations.run(options, async (signal) => {
      const { root, names } = parseContentPath(path)
      if (root === undefined) {
        throw new ClusterError('NOT_SUPPORTED', `cannot resolve ${path}: the embedded IPFS node knows no names`)
      }
      const get = (cid: CID, at: AbortOptions): Promise<Uint8Array> =>
        this.#getBlock(cid, at, this.#config.requestTimeoutMs)
      return await resolvePath(root, names, get, { signal })
    })
  }

  repoStat(options: AbortOptions): Promise<IPFSRepoStat> {
    return this.#operations.run(options, async () => {
      const { repoSize, storageMax = 0 } = await this.#node.stat()
      return { repoSize: BigInt(repoSize), storageMax: BigInt(storageMax) }
    })
  }

  async *repoGC(options: AbortOptions): AsyncGenerator<IPFSRepoGC> {
    try {
      for await (const { cid, error } of this.#operations.each(options, (signal) => this.#node.gc({ signal }))) {
        yield { key: cid, error: error?.message ?? '' }
      }
    } finally {
      this.#trigger()
    }
  }

  /** The peers of the cluster that we are connected with. */
  swarmPeers(options: AbortOptions): Promise<readonly PeerId[]> {
    return this.#operations.run(options, () => Promise.resolve(this.#context.network?.libp2p.getPeers() ?? []))
  }

  /** Nothing to do: there is one private network, and the peer itself keeps it connected. */
  connectSwarms(_to: readonly Multiaddr[], options: AbortOptions): Promise<void> {
    return this.#operations.run(options, () => Promise.resolve())
  }

  async #getBlock(cid: CID, { signal }: AbortOptions, limitMs: number): Promise<Uint8Array> {
    if (await this.#node.blocks.has(cid)) return await this.#node.blocks.get(cid)
    const message = (): string =>
      `no peer gave block ${cid.toString()} within ${formatDuration(limitMs)}; ${WHO_IS_ASKED}`
    const outer = signal ?? new AbortController().signal
    return await withProgress({ clock: this.#context.clock, limitMs, message, signal: outer }, (limited) =>
      this.#mounted().get(cid, { signal: limited })
    )
  }

  async #store(blocks: readonly Block[], options: AbortOptions): Promise<void> {
    await this.#mounted().put(blocks, options)
    if (this.#counters === undefined) return
    this.#counters.blocksAdded.increment(blocks.length)
    for (const { bytes } of blocks) this.#counters.blocksAddedSize.increment(bytes.length)
  }

  #mounted(): BlockService {
    if (this.#service === undefined) throw new ClusterError('NOT_READY', 'the embedded IPFS node is not open')
    return this.#service
  }

  /** Counts what changes the metrics; asks for them to be published when it was often enough. */
  #trigger(): void {
    const interval = this.#config.informerTriggerInterval
    if (interval <= 0 || ++this.#triggers < interval) return
    this.#triggers = 0
    this.safeDispatchEvent('informers:due')
  }
}

/** As the node counts: -1 = all, 0 = the root only. */
function depthOf(depth: PinDepth): number {
  return depth < 0 ? -1 : depth
}

/** Whether what is pinned fulfils what is wanted: a pin of more levels is one of fewer. */
function isCovered(found: PinRecord | undefined, depth: number): boolean {
  if (found === undefined) return false
  return found.depth === -1 || (depth !== -1 && found.depth >= depth)
}
