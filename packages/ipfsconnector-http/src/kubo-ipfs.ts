import {
  ClusterError,
  type BaseContext,
  type IPFSID,
  type IpfsHealth,
  type IPFSPinInfo,
  type IPFSPinStatus,
  type IpfsConnector,
  type IpfsConnectorEvents,
  type IpfsCounters,
  ipfsCounters,
  type IPFSRepoGC,
  type IPFSRepoStat,
  type NodeWithMeta,
  type Pages,
  type Pin,
  type PinCallOptions
} from '@cluster/api'
import { formatMultiaddr } from '@cluster/config'
import type { AbortOptions, Metric as Gauge, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter } from 'main-event'
import type { CID } from 'multiformats/cid'
import { putBlocks } from './blocks/put-blocks.ts'
import { verifyBlock } from './blocks/verify-block.ts'
import { authorizationHeader, type HttpConfig } from './config.ts'
import { daemonAddress } from './daemon/daemon-address.ts'
import { DaemonHealth } from './daemon/daemon-health.ts'
import { DaemonWatch } from './daemon/daemon-watch.ts'
import { KuboClient } from './daemon/kubo-client.ts'
import { saysNothingToUnpin } from './daemon/kubo-error.ts'
import { readAll } from './daemon/read-answer.ts'
import { RunningCalls } from './daemon/running-calls.ts'
import { TimedCalls, type TimedOptions } from './daemon/timed-calls.ts'
import { configKey } from './node/config-key.ts'
import { identity } from './node/identity.ts'
import { repoGC, repoStat } from './node/repository.ts'
import { resolvePath } from './node/resolve-path.ts'
import { connectSwarms, swarmPeers } from './node/swarm.ts'
import { addPin, type PinContext } from './pins/add-pin.ts'
import { listPins } from './pins/list-pins.ts'
import { covers, pinStatus } from './pins/pin-status.ts'

/** Most bytes of a block that is read; Kubo stores blocks up to 2 MiB unless told otherwise. */
const MAX_BLOCK_BYTES = 64 << 20

/** What the connector needs of its component context. */
export type KuboIpfsContext = Pick<BaseContext, 'log' | 'clock'> & Partial<Pick<BaseContext, 'metrics'>>

/**
 * The IPFS side of a peer as a Kubo daemon beside it, over the daemon's HTTP RPC. It never retries, every call has a
 * limit in time, and a daemon that does not answer fails calls at once instead of holding them.
 *
 * @see behaviours.md §5
 */
export class KuboIpfs extends TypedEventEmitter<IpfsConnectorEvents> implements IpfsConnector {
  readonly #context: KuboIpfsContext
  readonly #config: HttpConfig
  readonly #client: KuboClient
  readonly #calls: TimedCalls
  readonly #counters: IpfsCounters | undefined
  readonly #running = new RunningCalls()
  readonly #health: DaemonHealth
  readonly #watch: DaemonWatch
  #triggers = 0
  #upGauge: Gauge | undefined

  /**
   * Opens nothing: that is `start()`.
   *
   * @throws {ClusterError} `CONFIG_INVALID` for an address without a host
   */
  constructor(context: KuboIpfsContext, config: HttpConfig) {
    super()
    this.#context = context
    this.#config = config
    this.#counters = ipfsCounters(context.metrics)
    const address = daemonAddress(config.nodeMultiaddress)
    if (address === undefined) throw new ClusterError('CONFIG_INVALID', 'ipfshttp.node_multiaddress not set')
    this.#health = new DaemonHealth(context.clock, (detail) => {
      if (detail.state === 'down') this.#watch.lost()
      // registered at the first news: until then nothing is known
      this.#upGauge ??= context.metrics?.registerMetric('ipfscluster_ipfs_up', { help: 'Whether IPFS answers: 1 or 0' })
      this.#upGauge?.update(detail.state === 'up' ? 1 : 0)
      this.safeDispatchEvent('health', { detail })
    })
    const authorization = authorizationHeader(config.authorization)
    this.#client = new KuboClient({ ...context, address, health: this.#health, authorization })
    this.#calls = new TimedCalls(this.#client, context.clock)
    this.#watch = new DaemonWatch({
      ...context,
      address: formatMultiaddr(config.nodeMultiaddress),
      connectSwarmsDelayMs: config.connectSwarmsDelayMs,
      probe: (limitMs) => identity(this.#calls, context.log, { signal: this.#running.signal, limitMs }),
      onSwarmsDue: () => this.safeDispatchEvent('swarms:due')
    })
  }

  /** Asks the daemon every second who it is, until it answers. */
  start(): void {
    this.#watch.start()
  }

  /** Ends what runs, and closes the connections. */
  async stop(): Promise<void> {
    this.#watch.stop()
    await this.#running.stop()
    await this.#client.close()
  }

  /** From how the calls ended: a daemon that nobody asks anything may have gone unnoticed. */
  get health(): IpfsHealth {
    return this.#health.now
  }

  /** Resolves when the daemon has answered once; however long that takes. */
  async ready({ signal }: AbortOptions): Promise<void> {
    await this.#running.run({ ...(signal === undefined ? {} : { signal }) }, (both) => this.#watch.ready(both))
  }

  async id(options: AbortOptions): Promise<IPFSID> {
    return await this.#running.run(options, (signal) => identity(this.#calls, this.#context.log, this.#asked(signal)))
  }

  /**
   * Does nothing when the pin is there already. Gives up when nothing arrives for `pin_timeout`, however long the pin
   * takes. While the daemon is down it waits for its turn to find out. What is known to be absent is pinned without a
   * question.
   *
   * @throws {ClusterError} `TIMEOUT`; `IPFS` with what the daemon says
   */
  async pin(pin: Pin, options: PinCallOptions): Promise<void> {
    await this.#running.run(options, async (signal) => {
      const context: PinContext = {
        client: this.#client,
        clock: this.#context.clock,
        config: this.#config,
        counters: this.#counters,
        signal,
        status: (cid, depth) => pinStatus(cid, depth, this.#calls, { ...this.#asked(signal), isPatient: true }),
        onProgress: (nodes, bytes) => options.onProgress?.(nodes, bytes)
      }
      const isKnownAbsent = options.isKnownAbsent === true
      if (!isKnownAbsent && covers(await context.status(pin.cid, pin.maxDepth), pin.maxDepth)) return
      this.#trigger()
      try {
        await addPin(pin, context)
      } finally {
        this.#trigger()
      }
    })
  }

  async unpin(cid: CID, options: AbortOptions): Promise<void> {
    await this.#running.run(options, async (signal) => {
      if (this.#config.unpinDisable) {
        throw new ClusterError('NOT_SUPPORTED', 'ipfs unpinning is disallowed by configuration on this peer')
      }
      const limits = { signal, limitMs: this.#config.unpinTimeoutMs }
      try {
        await this.#calls.text(`pin/rm?arg=${cid.toString()}`, { ...limits, isLong: true, isPatient: true })
        this.#counters?.ipfsPins.decrement()
      } catch (error) {
        if (!saysNothingToUnpin(error)) throw error
      }
    })
  }

  /** `recursive` or `direct` when there is a pin that fulfils this one, else `unpinned`, also for indirect ones. */
  async pinLsCid({ cid, maxDepth }: Pin, options: AbortOptions): Promise<IPFSPinStatus> {
    return await this.#running.run(options, (signal) => pinStatus(cid, maxDepth, this.#calls, this.#asked(signal)))
  }

  /** The daemon may be silent for `ipfs_request_timeout` at most; the whole list may take longer. */
  async *pinLs(types: readonly ('recursive' | 'direct')[], options: AbortOptions): Pages<IPFSPinInfo> {
    let listed = 0
    const pages = this.#running.each(options, (signal) => listPins(types, this.#calls, this.#asked(signal)))
    for await (const page of pages) {
      listed += page.length
      yield page
    }
    if (types.length === 2) this.#counters?.ipfsPins.update(listed)
  }

  /**
   * Each block is verified before it is sent. The source may take its time, the daemon has `ipfs_request_timeout` for
   * each block.
   */
  async blockStream(blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void> {
    await this.#running.run(options, async (signal) => {
      const watchdog = this.#calls.watchdog('block/put', this.#asked(signal))
      try {
        const { log } = this.#context
        await putBlocks(blocks, { client: this.#client, watchdog, log, counters: this.#counters })
      } finally {
        watchdog.close()
        this.#trigger()
      }
    })
  }

  /** A block that the daemon may have to fetch. It is verified. */
  async blockGet(cid: CID, options: AbortOptions): Promise<Uint8Array> {
    return await this.#running.run(options, async (outer) => {
      const call = `block/get?arg=${cid.toString()}`
      const bytes = await this.#calls.together(call, this.#asked(outer), async (signal) => {
        const answer = await this.#client.call(call, { signal, isLong: true, isOthersTime: true })
        return await readAll(answer.bytes, MAX_BLOCK_BYTES)
      })
      verifyBlock(cid, bytes)
      return bytes
    })
  }

  /** @throws {ClusterError} `BAD_REQUEST` for what is no path, `IPFS` for one that leads nowhere */
  async resolve(path: string, options: AbortOptions): Promise<CID> {
    return await this.#running.run(options, (signal) => resolvePath(path, this.#calls, this.#asked(signal)))
  }

  async repoStat(options: AbortOptions): Promise<IPFSRepoStat> {
    return await this.#running.run(options, (signal) => repoStat(this.#calls, this.#asked(signal)))
  }

  async *repoGC(options: AbortOptions): AsyncGenerator<IPFSRepoGC> {
    const limitMs = this.#config.repogcTimeoutMs
    try {
      yield* this.#running.each(options, (signal) => repoGC(this.#calls, { signal, limitMs }))
    } finally {
      this.#trigger()
    }
  }

  async swarmPeers(options: AbortOptions): Promise<readonly PeerId[]> {
    return await this.#running.run(options, (signal) => swarmPeers(this.#calls, this.#asked(signal)))
  }

  /** One after the other; those that fail are left out. All together have `ipfs_request_timeout`. */
  async connectSwarms(to: readonly Multiaddr[], options: AbortOptions): Promise<void> {
    await this.#running.run(options, (signal) => connectSwarms(to, this.#calls, this.#context.log, this.#asked(signal)))
  }

  /**
   * A value of the daemon's configuration, at most two levels deep: `Datastore/StorageMax`.
   *
   * @throws {ClusterError} `NOT_FOUND` when there is no such key, `BAD_REQUEST` when it leads below a value
   */
  async configKey(key: string, options: AbortOptions): Promise<unknown> {
    return await this.#running.run(options, (signal) => configKey(key, this.#calls, this.#asked(signal)))
  }

  /** The limit of calls that have no other. */
  #asked(signal: AbortSignal): TimedOptions {
    return { signal, limitMs: this.#config.ipfsRequestTimeoutMs }
  }

  /** Counts what changes the metrics; asks for them to be published when it was often enough. */
  #trigger(): void {
    const interval = this.#config.informerTriggerInterval
    if (interval <= 0 || ++this.#triggers < interval) return
    this.#triggers = 0
    this.safeDispatchEvent('informers:due')
  }
}
