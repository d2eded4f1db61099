import {
  DEFAULT_ADD_PARAMS,
  pinTypeToString,
  ZERO_PIN_OPTIONS,
  type AddedOutput,
  type AddParams,
  type Alert,
  type BandwidthByProtocol,
  type ConnectGraph,
  type Explanation,
  type ConsensusHealth,
  type FileEntry,
  type GlobalPinInfo,
  type GlobalRepoGC,
  type ID,
  type Metric,
  type Move,
  type PeerService,
  type Pin,
  type PinOptions,
  type Scope,
  type ServiceState,
  type UpkeepOptions,
  type Version
} from '@cluster/api'
import {
  addedOutputFromJSON,
  addParamsToQuery,
  alertFromJSON,
  bandwidthByProtocolFromJSON,
  connectGraphFromJSON,
  explanationFromJSON,
  consensusHealthFromJSON,
  globalPinInfoFromJSON,
  globalRepoGcFromJSON,
  idFromJSON,
  metricFromJSON,
  moveFromJSON,
  peerServiceFromJSON,
  pinFromJSON,
  pinOptionsToQuery,
  versionFromJSON,
  type RestRouteName
} from '@cluster/wire'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { ApiError } from './api-error.ts'
import type { AddOptions, AllocationsOptions, ListingOptions, StatusOptions } from './call-options.ts'
import { callerOf, type ClusterClientInit } from './client-init.ts'
import { partsOf } from './content-path.ts'
import { multipartOf } from './multipart.ts'
import { peerEvents, type EventsOptions, type PeerEvent } from './peer-events.ts'
import type { PinCounts } from './pin-counts.ts'
import type { CallInit, RestCaller } from './rest-caller.ts'
import {
  callInitOf,
  queryText,
  type Query,
  type RouteRequest,
  type StreamRouteName,
  type ValueRouteName
} from './route-request.ts'
import { statusFilterText } from './status-filter.ts'
import { waitUntil, type WaitTarget } from './wait-for.ts'

/**
 * A client of the REST API of IPFS Cluster, of Go peers and of ours, for Node and browsers.
 *
 * Errors of requests are {@link ApiError}s; an abort throws the reason of its signal. Listings ask when they are read
 * and drop the connection when broken off. Browsers do not show errors that come after the first items of a listing.
 *
 * @example
 * ```ts
 * const client = new ClusterClient({ url: 'http://127.0.0.1:9094' })
 * for await (const { cid, peerMap } of client.statusAll()) console.log(cid, peerMap)
 * ```
 * @see http-apis.md §3, §4
 */
export class ClusterClient {
  readonly #rest: RestCaller

  constructor(init: ClusterClientInit) {
    this.#rest = callerOf(init)
  }

  /** The peer that is asked. */
  id(options: AbortOptions = {}): Promise<ID> {
    return this.#one('ID', idFromJSON, options)
  }

  version(options: AbortOptions = {}): Promise<Version> {
    return this.#one('Version', versionFromJSON, options)
  }

  /** All peers of the cluster, as they answer; those that cannot be asked have an `error`. */
  peers(options: AbortOptions = {}): AsyncGenerator<ID, void> {
    return this.#rest.items('Peers', idFromJSON, options)
  }

  peerAdd(peer: PeerId, options: AbortOptions = {}): Promise<ID> {
    const body = JSON.stringify({ peer_id: peer.toString() })
    return this.#one('PeerAdd', idFromJSON, { ...options, body, contentType: 'application/json' })
  }

  async peerRemove(peer: PeerId, options: AbortOptions = {}): Promise<void> {
    await this.#rest.value('PeerRemove', { ...options, parameters: { peer: peer.toString() } })
  }

  /**
   * Adds files and gives the events of the add as they come; the last one is the result, with sharding the last that is
   * no shard. Uploads are streamed in Node. Where trailers cannot be read, all events come at the end, so that a late
   * error is seen.
   *
   * @throws {ApiError} also after some events; whatever the source of the files throws
   */
  async *add(
    entries: Iterable<FileEntry> | AsyncIterable<FileEntry>,
    params: Partial<AddParams> = {},
    { signal, onUpload }: AddOptions = {}
  ): AsyncGenerator<AddedOutput, void> {
    const source: { failure?: unknown } = {}
    const { contentType, body } = multipartOf(entries, onUpload)
    const streamChannels = this.#rest.readsTrailers
    const query = addParamsToQuery({ ...DEFAULT_ADD_PARAMS, ...params, streamChannels })
    const init = { query, contentType, body: noting(body, source), signal }
    try {
      if (streamChannels) yield* this.#rest.items('Add', addedOutputFromJSON, init)
      else yield* listOf(await this.#rest.value('Add', init), addedOutputFromJSON)
    } catch (error) {
      throw 'failure' in source ? source.failure : error
    }
  }

  /** Pins a CID: when it returns, the cluster will hold it. The answer is the pin as it was submitted. */
  pin(cid: CID, options: Partial<PinOptions> = {}, { signal }: AbortOptions = {}): Promise<Pin> {
    return this.#one('Pin', pinFromJSON, { parameters: { hash: cid.toString() }, query: queryOf(options), signal })
  }

  /** Pins what a path such as `/ipfs/<cid>/docs` or `/ipns/<name>` leads to; a path without root is below `/ipfs`. */
  pinPath(path: string, options: Partial<PinOptions> = {}, { signal }: AbortOptions = {}): Promise<Pin> {
    return this.#one('PinPath', pinFromJSON, { parameters: partsOf(path), query: queryOf(options), signal })
  }

  /** @returns the pin as it was */
  unpin(cid: CID, { signal }: AbortOptions = {}): Promise<Pin> {
    return this.#one('Unpin', pinFromJSON, { parameters: { hash: cid.toString() }, signal })
  }

  /** @returns the pin as it was */
  unpinPath(path: string, { signal }: AbortOptions = {}): Promise<Pin> {
    return this.#one('UnpinPath', pinFromJSON, { parameters: partsOf(path), signal })
  }

  /** A pin of the pinset. */
  allocation(cid: CID, { signal }: AbortOptions = {}): Promise<Pin> {
    return this.#one('Allocation', pinFromJSON, { parameters: { hash: cid.toString() }, signal })
  }

  /** The pinset, or the pins of some types in it. */
  allocations({ types, signal, ...part }: AllocationsOptions = {}): AsyncGenerator<Pin, void> {
    const filter = types === undefined ? 'all' : types.map(pinTypeToString).join()
    return this.#rest.items('Allocations', pinFromJSON, { query: form({ filter, ...partOf(part) }), signal })
  }

  /** What the peers say of a pin. Of a CID that is not pinned they say so. */
  status(cid: CID, { local = false, signal }: AbortOptions & Scope = {}): Promise<GlobalPinInfo> {
    const query = form({ local: String(local) })
    return this.#one('Status', globalPinInfoFromJSON, { parameters: { hash: cid.toString() }, query, signal })
  }

  /** What the peers say of all pins, of some CIDs, or of the pins in some states. */
  statusAll(options: StatusOptions = {}): AsyncGenerator<GlobalPinInfo, void> {
    const { local = false, filter = 0, cids = [], signal, ...part } = options
    const wanted = { local, filter: statusFilterText(filter), cids: cids.map(String).join() }
    return this.#rest.items('StatusAll', globalPinInfoFromJSON, { query: form({ ...wanted, ...partOf(part) }), signal })
  }

  /** Has the peers try again what failed. */
  recover(cid: CID, { local = false, signal }: AbortOptions & Scope = {}): Promise<GlobalPinInfo> {
    const query = form({ local: String(local) })
    return this.#one('Recover', globalPinInfoFromJSON, { parameters: { hash: cid.toString() }, query, signal })
  }

  /** Has the peers try again everything that failed; gives what they try. */
  recoverAll({ local = false, signal }: AbortOptions & Scope = {}): AsyncGenerator<GlobalPinInfo, void> {
    return this.#rest.items('RecoverAll', globalPinInfoFromJSON, { query: form({ local: String(local) }), signal })
  }

  repoGC({ local = false, signal }: AbortOptions & Scope = {}): Promise<GlobalRepoGC> {
    return this.#one('RepoGC', globalRepoGcFromJSON, { query: form({ local: String(local) }), signal })
  }

  /** The latest valid metrics of a name, one per peer. */
  metrics(name: string, { signal }: AbortOptions = {}): Promise<readonly Metric[]> {
    return this.#one('Metrics', (json) => listOf(json, metricFromJSON), { parameters: { name }, signal })
  }

  metricNames(options: AbortOptions = {}): Promise<readonly string[]> {
    return this.#one('MetricNames', (json) => listOf(json, String), options)
  }

  connectGraph(options: AbortOptions = {}): Promise<ConnectGraph> {
    return this.#one('ConnectionGraph', connectGraphFromJSON, options)
  }

  /** Where the consensus of the peer stands, and why. Go peers have no such route. */
  consensusHealth(options: AbortOptions = {}): Promise<ConsensusHealth> {
    return this.#one('ConsensusHealth', consensusHealthFromJSON, options)
  }

  /** Newest first. */
  alerts(options: AbortOptions = {}): Promise<readonly Alert[]> {
    return this.#one('Alerts', (json) => listOf(json, alertFromJSON), options)
  }

  bandwidth(options: AbortOptions = {}): Promise<BandwidthByProtocol | undefined> {
    return this.#one('Bandwidth by protocol stats', bandwidthByProtocolFromJSON, options)
  }

  /** What was decided about peers: which take no new pins, and which give away what they hold. Only ours know. */
  services(options: AbortOptions = {}): AsyncGenerator<PeerService, void> {
    return this.#rest.items('Services', peerServiceFromJSON, options)
  }

  /** Decides about a peer; all of ours learn it. */
  setService(peer: PeerId, state: ServiceState, { signal }: AbortOptions = {}): Promise<PeerService> {
    const parameters = { peer: peer.toString() }
    return this.#one('SetService', peerServiceFromJSON, { parameters, query: form({ state }), signal })
  }

  /** Gives pins with too few or too many copies what they need. The work ends when the listing is broken off. */
  repair({ dryRun = false, signal }: UpkeepOptions = {}): AsyncGenerator<Move, void> {
    return this.#rest.items('Repair', moveFromJSON, { query: form({ 'dry-run': String(dryRun) }), signal })
  }

  /** Gives all that a peer holds to others, and new pins to others as well. */
  drain(peer: PeerId, { dryRun = false, signal }: UpkeepOptions = {}): AsyncGenerator<Move, void> {
    const parameters = { peer: peer.toString() }
    return this.#rest.items('Drain', moveFromJSON, { parameters, query: form({ 'dry-run': String(dryRun) }), signal })
  }

  /** Gives all that a peer holds to another one. */
  replace(peer: PeerId, by: PeerId, { dryRun = false, signal }: UpkeepOptions = {}): AsyncGenerator<Move, void> {
    const parameters = { peer: peer.toString() }
    const query = form({ by: by.toString(), 'dry-run': String(dryRun) })
    return this.#rest.items('Replace', moveFromJSON, { parameters, query, signal })
  }

  /** Moves pins from the peers that hold most to those that hold fewest. */
  rebalance({ dryRun = false, signal }: UpkeepOptions = {}): AsyncGenerator<Move, void> {
    return this.#rest.items('Rebalance', moveFromJSON, { query: form({ 'dry-run': String(dryRun) }), signal })
  }

  /** Which peers would hold a pin, and why: of the pinset without options, else one that is imagined. */
  explain(
    cid: CID | undefined,
    options: Partial<PinOptions> | undefined,
    { signal }: AbortOptions = {}
  ): Promise<Explanation> {
    const query = options === undefined ? '' : queryOf(options)
    if (cid === undefined) return this.#one('Explain', explanationFromJSON, { query, signal })
    return this.#one('ExplainPin', explanationFromJSON, { parameters: { hash: cid.toString() }, query, signal })
  }

  /** How many pins each peer has in which status. Reads the whole listing. Go peers have no such route. */
  pinCounts({ local = false, signal }: AbortOptions & Scope = {}): Promise<PinCounts> {
    return this.#one('PinCounts', (json) => json as PinCounts, { query: form({ local }), signal })
  }

  /** A token that stands for user and password: `expiresIn` such as `24h`, `rights` such as `read,add`; ours know both. */
  token({ expiresIn, rights, signal }: AbortOptions & { expiresIn?: string; rights?: string } = {}): Promise<string> {
    const query = form({ 'expires-in': expiresIn, rights })
    return this.#one('GetToken', tokenOf, { query, signal })
  }

  /** Takes a token back, or the one that this client shows. Go peers cannot. */
  async revokeToken(token?: string, options: AbortOptions = {}): Promise<void> {
    const body = token === undefined ? {} : { body: JSON.stringify({ token }), contentType: 'application/json' }
    await this.#rest.value('RevokeToken', { ...options, ...body })
  }

  /**
   * What happens at the peer, as it happens. A connection that breaks is made again, and goes on where it was; what the
   * peer has forgotten by then is told as `lost`. Go peers have no such route.
   *
   * @throws {ApiError} when the API refuses, or cannot be reached at first or again and again; the reason of the signal
   */
  events(options: EventsOptions = {}): AsyncGenerator<PeerEvent, void> {
    return peerEvents((query, signal) => this.#rest.bytes('Events', { query: form(query), signal }), options)
  }

  /** Resolves when the API answers. */
  async health(options: AbortOptions = {}): Promise<void> {
    await this.#rest.value('Health', options)
  }

  /**
   * Asks the status again and again until enough peers have the target; the first time after one interval.
   *
   * @returns the status that was reached
   * @throws {WaitError} when a peer has failed; {@link ApiError}; the reason of the signal
   * @see http-apis.md §4.5
   */
  waitFor(
    cid: CID,
    options: WaitTarget & AbortOptions & Scope & { readonly intervalMs?: number } = {}
  ): Promise<GlobalPinInfo> {
    const { signal, local } = options
    return waitUntil(() => this.status(cid, { local, ...(signal === undefined ? {} : { signal }) }), options)
  }

  /**
   * Calls a route that answers one value, for what has no method here.
   *
   * @param read - makes the value of the JSON; `undefined` where the answer has none
   */
  call<N extends ValueRouteName, T>(route: N, read: (json: unknown) => T, request: RouteRequest<N>): Promise<T> {
    return this.#one(route, read, callInitOf(request))
  }

  /** Calls a route that answers a listing, for what has no method here. */
  stream<N extends StreamRouteName, T>(
    route: N,
    read: (json: unknown) => T,
    request: RouteRequest<N>
  ): AsyncGenerator<T, void> {
    return this.#rest.items(route, read, callInitOf(request))
  }

  /** Drops idle connections. They keep no process alive. */
  close(): void {
    this.#rest.close()
  }

  async #one<T>(name: RestRouteName, read: (json: unknown) => T, init: CallInit): Promise<T> {
    const json = await this.#rest.value(name, init)
    try {
      return read(json)
    } catch (error) {
      throw new ApiError('UNEXPECTED', 200, error instanceof Error ? error.message : String(error), { cause: error })
    }
  }
}

const form = (values: Query): string => queryText(values)

const partOf = ({ name, metadata, after, limit }: ListingOptions): Query => ({
  name,
  ...Object.fromEntries([...(metadata ?? [])].map(([key, value]) => [`meta-${key}`, value])),
  after: after?.toString(),
  limit
})

const queryOf = (options: Partial<PinOptions>): string => pinOptionsToQuery({ ...ZERO_PIN_OPTIONS, ...options })

/** The text of a token. */
function tokenOf(json: unknown): string {
  if (typeof json === 'object' && json !== null && 'token' in json && typeof json.token === 'string') return json.token
  throw new ApiError('UNEXPECTED', 200, 'a token was expected')
}

/** A JSON list, for which `null` stands as well when it is empty. */
function listOf<T>(json: unknown, read: (item: unknown) => T): readonly T[] {
  if (json === null || json === undefined) return []
  if (!Array.isArray(json)) throw new ApiError('UNEXPECTED', 200, 'a list was expected')
  return json.map(read)
}

/** Keeps the error of a source, which the connection would otherwise hide. */
async function* noting(
  source: AsyncIterable<Uint8Array>,
  kept: { failure?: unknown }
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* source
  } catch (error) {
    kept.failure = error
    throw error
  }
}
