import {
  ClusterError,
  formatDuration,
  type BaseContext,
  type IPFSID,
  type IPFSPinInfo,
  ipfsPinStatusFromString,
  IPFSPinStatus,
  type IpfsConnector,
  type IpfsConnectorEvents,
  type IpfsCounters,
  ipfsCounters,
  type IPFSRepoGC,
  type IPFSRepoStat,
  MAX_PAGE_ITEMS,
  type NodeWithMeta,
  type Pages,
  type Pin,
  type PinDepth,
  parseContentPath
} from '@cluster/api'
import { formatMultiaddr } from '@cluster/config'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter } from 'main-event'
import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { addPin, type PinContext } from './add-pin.ts'
import {
  escapeQuery,
  gcLine,
  idAnswer,
  parseCid,
  pinLine,
  readJson,
  readValue,
  repoStatAnswer,
  resolveAnswer,
  swarmPeersAnswer
} from './answers.ts'
import { authorizationHeader, type HttpConfig } from './config.ts'
import { daemonAddress } from './daemon-address.ts'
import { DaemonWatch } from './daemon-watch.ts'
import { KuboClient, type CallOptions } from './kubo-client.ts'
import { saysNotPinned, saysNothingToUnpin } from './kubo-error.ts'
import { putBlocks } from './put-blocks.ts'
import { readAll } from './read-answer.ts'
import { RunningCalls } from './running-calls.ts'
import { verifyBlock } from './verify-block.ts'
import { Watchdog } from './watchdog.ts'

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
  readonly #counters: IpfsCounters | undefined
  readonly #calls = new RunningCalls()
  readonly #daemon: DaemonWatch
  #triggers = 0

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
    const authorization = authorizationHeader(config.authorization)
    this.#client = new KuboClient({ ...context, address, authorization })
    this.#daemon = new DaemonWatch({
      ...context,
      address: formatMultiaddr(config.nodeMultiaddress),
      connectSwarmsDelayMs: config.connectSwarmsDelayMs,
      probe: (limitMs) => this.#id(this.#calls.signal, limitMs),
      onSwarmsDue: () => this.safeDispatchEvent('swarms:due')
    })
  }

  /** Asks the daemon every second who it is, until it answers. */
  start(): void {
    this.#daemon.start()
  }

  /** Ends what runs, and closes the connections. */
  async stop(): Promise<void> {
    this.#daemon.stop()
    await this.#calls.stop()
    await this.#client.close()
  }

  /** Resolves when the daemon has answered once; however long that takes. */
  async ready({ signal }: AbortOptions): Promise<void> {
    await this.#calls.run({ ...(signal === undefined ? {} : { signal }) }, (both) => this.#daemon.ready(both))
  }

  async id(options: AbortOptions): Promise<IPFSID> {
    return await this.#calls.run(options, (signal) =>
      this.#daemon.heard(this.#id(signal, this.#config.ipfsRequestTimeoutMs), signal)
    )
  }

  /**
   * Does nothing when the pin is there already. Gives up when nothing arrives for `pin_timeout`, however long the pin
   * takes. While the daemon is down it waits for its turn to find out.
   *
   * @throws {ClusterError} `TIMEOUT`; `IPFS` with what the daemon says
   */
  async pin(pin: Pin, options: AbortOptions & { onProgress?(nodes: number): void }): Promise<void> {
    await this.#calls.run(options, async (signal) => {
      const context: PinContext = {
        client: this.#client,
        clock: this.#context.clock,
        config: this.#config,
        counters: this.#counters,
        signal,
        status: (cid, depth) => this.#status(cid, depth, signal, true),
        onProgress: (nodes) => options.onProgress?.(nodes)
      }
      if (covers(await context.status(pin.cid, pin.maxDepth), pin.maxDepth)) return
      this.#trigger()
      try {
        await addPin(pin, context)
      } finally {
        this.#trigger()
      }
    })
  }

  async unpin(cid: CID, options: AbortOptions): Promise<void> {
    await this.#calls.run(options, async (signal) => {
      if (this.#config.unpinDisable) {
        throw new ClusterError('NOT_SUPPORTED', 'ipfs unpinning is disallowed by configuration on this peer')
      }
      try {
        const call = { isLong: true, isPatient: true }
        await this.#text(`pin/rm?arg=${cid.toString()}`, signal, this.#config.unpinTimeoutMs, call)
        this.#counters?.ipfsPins.decrement()
      } catch (error) {
        if (!saysNothingToUnpin(error)) throw error
      }
    })
  }

  /** `recursive` or `direct` when there is a pin that fulfils this one, else `unpinned`, also for indirect ones. */
  async pinLsCid(pin: Pin, options: AbortOptions): Promise<IPFSPinStatus> {
    return await this.#calls.run(options, (signal) => this.#status(pin.cid, pin.maxDepth, signal))
  }

  /** The daemon may be silent for `ipfs_request_timeout` at most; the whole list may take longer. */
  pinLs(types: readonly ('recursive' | 'direct')[], options: AbortOptions): Pages<IPFSPinInfo> {
    return this.#calls.each(options, (signal) => this.#list(types, signal))
  }

  /**
   * Each block is verified before it is sent. The source may take its time, the daemon has `ipfs_request_timeout` for
   * each block.
   */
  async blockStream(blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void> {
    await this.#calls.run(options, async (signal) => {
      const watchdog = this.#watchdog('block/put', signal, this.#config.ipfsRequestTimeoutMs)
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
    return await this.#calls.run(options, async (signal) => {
      const call = `block/get?arg=${cid.toString()}`
      const bytes = await this.#limited(call, signal, this.#config.ipfsRequestTimeoutMs, async (limited) => {
        const answer = await this.#client.call(call, { signal: limited, isLong: true, isOthersTime: true })
        return await readAll(answer.bytes, MAX_BLOCK_BYTES)
      })
      verifyBlock(cid, bytes)
      return bytes
    })
  }

  /** @throws {ClusterError} `BAD_REQUEST` for what is no path, `IPFS` for one that leads nowhere */
  async resolve(path: string, options: AbortOptions): Promise<CID> {
    return await this.#calls.run(options, async (signal) => {
      const { text, root: cid, names } = parseContentPath(path)
      if (cid !== undefined && names.length === 0) return cid
      const call = `resolve?arg=${escapeQuery(text)}`
      const json = await this.#json(call, signal, resolveAnswer, { isLong: true, isOthersTime: true })
      const [, root] = /^\/ip(?:fs|ld)\/([^/]+)/.exec(json.Path) ?? []
      if (root === undefined) throw new ClusterError('IPFS', `${text} resolves to ${json.Path}, which may change`)
      return parseCid(root)
    })
  }

  async repoStat(options: AbortOptions): Promise<IPFSRepoStat> {
    return await this.#calls.run(options, async (signal) => {
      const { RepoSize: size, StorageMax: max } = await this.#json('repo/stat?size-only=true', signal, repoStatAnswer)
      return { repoSize: BigInt(size), storageMax: BigInt(max) }
    })
  }

  async *repoGC(options: AbortOptions): AsyncGenerator<IPFSRepoGC> {
    try {
      yield* this.#calls.each(options, (signal) => this.#collect(signal))
    } finally {
      this.#trigger()
    }
  }

  async swarmPeers(options: AbortOptions): Promise<readonly PeerId[]> {
    return await this.#calls.run(options, async (signal) => {
      const { Peers: peers } = await this.#json('swarm/peers', signal, swarmPeersAnswer)
      return (peers ?? []).map(({ Peer: peer }) => peerIdFromString(peer))
    })
  }

  /** One after the other; those that fail are left out. All together have `ipfs_request_timeout`. */
  async connectSwarms(to: readonly Multiaddr[], options: AbortOptions): Promise<void> {
    const { log } = this.#context
    await this.#calls.run(options, (signal) =>
      this.#limited('swarm/connect', signal, this.#config.ipfsRequestTimeoutMs, async (limited) => {
        for (const address of to) {
          const call = { signal: limited, isLong: true, isOthersTime: true }
          await this.#client
            .text(`swarm/connect?arg=${escapeQuery(address.toString())}`, call)
            .catch((error: unknown) => {
              limited.throwIfAborted()
              log.debug(`IPFS was not connected with ${address.toString()}`, { error })
            })
        }
      })
    )
  }

  /**
   * A value of the daemon's configuration, at most two levels deep: `Datastore/StorageMax`.
   *
   * @throws {ClusterError} `NOT_FOUND` when there is no such key, `BAD_REQUEST` when it leads below a value
   */
  async configKey(key: string, options: AbortOptions): Promise<unknown> {
    return await this.#calls.run(options, async (signal) => {
      const slash = key.indexOf('/')
      const keys = slash === -1 ? [key] : [key.slice(0, slash), key.slice(slash + 1)]
      let value: unknown = await this.#json('config/show', signal, z.record(z.string(), z.unknown()))
      for (const name of keys) {
        if (typeof value !== 'object' || value === null) throw new ClusterError('BAD_REQUEST', 'invalid path')
        if (!Object.hasOwn(value, name)) throw new ClusterError('NOT_FOUND', 'key not found in configuration')
        value = (value as Record<string, unknown>)[name]
      }
      return value
    })
  }

  async #id(signal: AbortSignal, limitMs: number): Promise<IPFSID> {
    const { ID: id, Addresses: addresses } = readJson('id', await this.#text('id', signal, limitMs), idAnswer)
    return { id: peerIdFromString(id), addresses: (addresses ?? []).flatMap((text) => this.#address(text)), error: '' }
  }

  #address(text: string): Multiaddr[] {
    try {
      return [multiaddr(text)]
    } catch (error) {
      this.#context.log.warn(`IPFS has an address that is none: ${text}`, { error })
      return []
    }
  }

  /** A direct pin is fulfilled by a recursive one as well. */
  async #status(cid: CID, depth: PinDepth, signal: AbortSignal, isPatient = false): Promise<IPFSPinStatus> {
    for (const type of depth === 0 ? ['direct', 'recursive'] : ['recursive']) {
      const call = `pin/ls?stream=true&arg=${cid.toString()}&type=${type}`
      try {
        const [line = ''] = (await this.#text(call, signal, this.#config.ipfsRequestTimeoutMs, { isPatient })).split(
          '\n'
        )
        return ipfsPinStatusFromString(readJson(call, line, pinLine).Type)
      } catch (error) {
        if (!saysNotPinned(error)) throw error
      }
    }
    return IPFSPinStatus.unpinned
  }

  async *#list(
    types: readonly ('recursive' | 'direct')[],
    signal: AbortSignal
  ): AsyncGenerator<readonly IPFSPinInfo[]> {
    let listed = 0
    for (const type of types) {
      const call = `pin/ls?stream=true&type=${type}`
      for await (const lines of this.#lines(call, signal, this.#config.ipfsRequestTimeoutMs)) {
        listed += lines.length
        for (let at = 0; at < lines.length; at += MAX_PAGE_ITEMS) {
          yield lines.slice(at, at + MAX_PAGE_ITEMS).map((line) => {
            const { Cid: cid, Type: text } = readValue(call, line, pinLine)
            return { cid: parseCid(cid), type: ipfsPinStatusFromString(text) }
          })
        }
      }
    }
    if (types.length === 2) this.#counters?.ipfsPins.update(listed)
  }

  async *#collect(signal: AbortSignal): AsyncGenerator<IPFSRepoGC> {
    const call = 'repo/gc?stream-errors=true'
    for await (const lines of this.#lines(call, signal, this.#config.repogcTimeoutMs)) {
      for (const line of lines) {
        const { Key: key, Error: error } = readValue(call, line, gcLine)
        yield { key: key == null ? undefined : parseCid(key['/']), error: error ?? '' }
      }
    }
  }

  /** A streamed answer. The limit is for the daemon's silence, not for what the reader does between pages. */
  async *#lines(call: string, signal: AbortSignal, limitMs: number): AsyncGenerator<readonly unknown[]> {
    const watchdog = this.#watchdog(call, signal, limitMs)
    try {
      for await (const lines of this.#client.lines(call, { signal: watchdog.signal, isLong: true })) {
        watchdog.pause()
        yield lines
        watchdog.resume()
      }
    } catch (error) {
      throw watchdog.signal.aborted ? watchdog.signal.reason : error
    } finally {
      watchdog.close()
    }
  }

  async #json<T>(
    call: string,
    signal: AbortSignal,
    answer: z.ZodType<T>,
    options: Partial<CallOptions> = {}
  ): Promise<T> {
    return readJson(call, await this.#text(call, signal, this.#config.ipfsRequestTimeoutMs, options), answer)
  }

  async #text(call: string, signal: AbortSignal, limitMs: number, options: Partial<CallOptions> = {}): Promise<string> {
    return await this.#limited(call, signal, limitMs, (limited) =>
      this.#client.text(call, { ...options, signal: limited })
    )
  }

  async #limited<T>(
    call: string,
    signal: AbortSignal,
    limitMs: number,
    work: (signal: AbortSignal) => Promise<T>
  ): Promise<T> {
    const watchdog = this.#watchdog(call, signal, limitMs)
    try {
      return await work(watchdog.signal)
    } finally {
      watchdog.close()
    }
  }

  #watchdog(call: string, signal: AbortSignal, limitMs: number): Watchdog {
    const message = `IPFS did not answer within ${formatDuration(limitMs)} (${call})`
    return new Watchdog({ clock: this.#context.clock, limitMs, message, signal })
  }

  /** Counts what changes the metrics; asks for them to be published when it was often enough. */
  #trigger(): void {
    const interval = this.#config.informerTriggerInterval
    if (interval <= 0 || ++this.#triggers < interval) return
    this.#triggers = 0
    this.safeDispatchEvent('informers:due')
  }
}

/** Whether what is pinned fulfils what is wanted. */
function covers(status: IPFSPinStatus, depth: PinDepth): boolean {
  return status === IPFSPinStatus.recursive || (status === IPFSPinStatus.direct && depth === 0)
}
