import {
  CLUSTER_VERSION,
  ClusterError,
  plainConsensusHealth,
  RPC_PROTOCOL,
  TrackerStatus,
  unreachableId,
  type AddedOutput,
  type AddParams,
  type Alert,
  type BandwidthByProtocol,
  type Cluster,
  type ClusterEvents,
  type ConnectGraph,
  type ConsensusHealth,
  type Content,
  type FileEntry,
  type GlobalPinInfo,
  type Guarded,
  type Health,
  type ID,
  type Members,
  type Metric,
  type Pages,
  type Pin,
  type PinPath,
  type Pins,
  type Scope,
  type Statuses
} from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { testPeerId } from './test-peer-id.ts'

/** The codec of raw blocks. */
const RAW = 0x55

/** What an API asked the core to do. */
export type CoreCall = readonly [name: string, ...args: readonly unknown[]]

/**
 * A core of one peer in memory for tests of APIs: a pinset that is pinned at once, and answers that a test can set.
 * Every call of an API is kept, so that a test sees what arrived.
 */
export class LoneCluster implements Cluster {
  readonly self: PeerId
  readonly calls: CoreCall[] = []
  /** Thrown by the next calls of a name, such as `pins.pin`. */
  readonly failures = new Map<string, Error>()
  readonly pinset = new Map<string, Pin>()
  readonly alerts: Alert[] = []
  readonly metrics: Metric[] = []
  /** Set to have events told. */
  events: ClusterEvents | undefined
  bandwidth: BandwidthByProtocol | undefined
  consensusHealth: ConsensusHealth | undefined
  /** What paths lead to. */
  readonly paths = new Map<string, CID>()

  constructor(self: PeerId = testPeerId(0)) {
    this.self = self
  }

  readonly pins: Pins = {
    pin: (pin, by) => this.#called('pins.pin', [pin], () => this.#store(pin, by)),
    pinPath: (pin, by) => this.#called('pins.pinPath', [pin], () => this.#store(this.#resolved(pin), by)),
    unpin: (cid, by) => this.#called('pins.unpin', [cid], () => this.#remove(cid, by)),
    unpinPath: (path, by) => this.#called('pins.unpinPath', [path], () => this.#remove(this.#resolve(path), by)),
    get: (cid) => this.#called('pins.get', [cid], () => this.#get(cid)),
    list: () => this.#listed('pins.list', [], () => [...this.pinset.values()])
  }

  readonly statuses: Statuses = {
    status: (cid, scope) => this.#called('statuses.status', [cid, localOf(scope)], () => this.#status(cid)),
    statusAll: (filter, scope) =>
      this.#listed('statuses.statusAll', [filter, localOf(scope)], () =>
        filter === 0 || (filter & TrackerStatus.pinned) !== 0
          ? [...this.pinset.values()].map(({ cid }) => this.#status(cid))
          : []
      ),
    recover: (cid, scope) =>
      this.#called('statuses.recover', [cid, localOf(scope)], () => {
        if (localOf(scope)) this.#get(cid)
        return this.#status(cid)
      }),
    recoverAll: (scope) => this.#listed('statuses.recoverAll', [localOf(scope)], (): GlobalPinInfo[] => [])
  }

  readonly members: Members = {
    id: () => this.#called('members.id', [], () => this.#id()),
    peers: () => this.#peers(),
    add: (peer) =>
      this.#called('members.add', [peer], () => ({ ...unreachableId(peer, ''), version: CLUSTER_VERSION })),
    remove: (peer) => this.#called('members.remove', [peer], () => undefined),
    join: (address) => this.#called('members.join', [address], () => undefined)
  }

  readonly content: Content = {
    add: (entries, params, options) => this.#add(entries, params, options),
    repoStat: () => this.#called('content.repoStat', [], () => ({ repoSize: 1n, storageMax: 10n })),
    resolve: (path) => this.#called('content.resolve', [path], () => this.#resolve(path)),
    allocate: (options) => this.#called('content.allocate', [options], () => [this.self]),
    repoGC: (scope) =>
      this.#called('content.repoGC', [localOf(scope)], () => {
        const own = { peer: this.self, peername: 'lone', keys: [], error: '' }
        return { peerMap: new Map([[this.self.toString(), own]]) }
      })
  }

  readonly health: Health = {
    version: () => ({ version: CLUSTER_VERSION }),
    ready: () => Promise.resolve(),
    connectGraph: () => this.#called('health.connectGraph', [], () => this.#graph()),
    consensus: () =>
      this.#called(
        'health.consensus',
        [],
        () => this.consensusHealth ?? plainConsensusHealth('', 'unknown', 'nobody said')
      ),
    alerts: () => this.alerts,
    bandwidth: () => this.bandwidth,
    metricNames: () => [...new Set(this.metrics.map(({ name }) => name))],
    latestMetrics: (wanted) => this.metrics.filter(({ name }) => name === wanted)
  }

  async #called<T>(name: string, args: readonly unknown[], answer: () => T): Promise<T> {
    this.calls.push([name, ...args])
    await Promise.resolve()
    const failure = this.failures.get(name)
    if (failure !== undefined) throw failure
    return answer()
  }

  async *#listed<T>(
    name: string,
    args: readonly unknown[],
    answer: () => readonly T[]
  ): Pages<T> & AsyncGenerator<readonly T[], void> {
    yield await this.#called(name, args, answer)
  }

  async *#peers(): AsyncGenerator<ID, void> {
    yield await this.#called('members.peers', [], () => this.#id())
  }

  async *#add(
    entries: AsyncIterable<FileEntry>,
    params: AddParams,
    { signal, guard }: AbortOptions & Guarded
  ): AsyncGenerator<AddedOutput, CID> {
    this.calls.push(['content.add', params])
    let root: CID | undefined
    for await (const entry of entries) {
      signal?.throwIfAborted()
      const failure = this.failures.get('content.add')
      if (failure !== undefined) throw failure
      if (entry.type !== 'file') continue
      const parts: Uint8Array[] = []
      for await (const part of entry.content) parts.push(part)
      const data = Uint8Array.from(parts.flatMap((part) => [...part]))
      root = CID.createV1(RAW, await sha256.digest(data))
      guard?.(this.pinset.get(root.toString()))
      yield { name: entry.path, cid: root, bytes: 0n, size: BigInt(data.length), allocations: [this.self] }
    }
    if (root === undefined) throw new ClusterError('BAD_REQUEST', 'no files to add')
    return root
  }

  #store(pin: Pin, { guard }: Guarded): Pin {
    const from = pin.pinUpdate === undefined ? [] : [this.#get(pin.pinUpdate)]
    for (const existing of [...from, this.pinset.get(pin.cid.toString())]) guard?.(existing)
    this.pinset.set(pin.cid.toString(), pin)
    return pin
  }

  #resolve(path: string): CID {
    const cid = this.paths.get(path)
    if (cid === undefined) throw new ClusterError('IPFS', `cannot resolve ${path}`)
    return cid
  }

  #resolved({ path, ...options }: PinPath): Pin {
    const rest = { type: 2, allocations: [], reference: undefined, timestamp: undefined } as const
    return { ...options, ...rest, cid: this.#resolve(path), maxDepth: options.mode === 1 ? 0 : -1 }
  }

  #get(cid: CID): Pin {
    const pin = this.pinset.get(cid.toString())
    if (pin === undefined) throw new ClusterError('NOT_IN_PINSET', 'pin is not part of the pinset')
    return pin
  }

  #remove(cid: CID, { guard }: Guarded): Pin {
    const pin = this.#get(cid)
    guard?.(pin)
    this.pinset.delete(cid.toString())
    return pin
  }

  #status(cid: CID): GlobalPinInfo {
    const pin = this.pinset.get(cid.toString())
    const status = pin === undefined ? TrackerStatus.unpinned : TrackerStatus.pinned
    const ipfs = { ipfsPeerId: undefined, ipfsPeerAddresses: undefined }
    const own = { peername: 'lone', ...ipfs, status, timestamp: 0n, error: '', attemptCount: 0, priorityPin: false }
    return {
      cid,
      name: pin?.name ?? '',
      allocations: pin?.allocations ?? [],
      origins: pin?.origins,
      created: pin?.timestamp,
      metadata: pin?.metadata,
      peerMap: new Map([[this.self.toString(), own]])
    }
  }

  #id(): ID {
    const id = unreachableId(this.self, '')
    return {
      ...id,
      clusterPeers: [this.self],
      version: CLUSTER_VERSION,
      rpcProtocolVersion: RPC_PROTOCOL,
      peername: 'lone'
    }
  }

  #graph(): ConnectGraph {
    const self = this.self.toString()
    return {
      clusterId: this.self,
      idToPeername: new Map([[self, 'lone']]),
      ipfsLinks: new Map(),
      clusterLinks: new Map([[self, []]]),
      clusterTrustLinks: new Map([[self, true]]),
      clusterToIpfs: new Map()
    }
  }
}

const localOf = ({ local = false }: Scope): boolean => local
