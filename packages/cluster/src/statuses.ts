import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import {
  isPinEverywhere,
  itemsOf,
  mergePinInfo,
  PEER_EXTENSIONS,
  pinsetKey,
  PinType,
  TrackerStatus,
  type GlobalPinInfo,
  type ListOptions,
  type Pages,
  type Pin,
  type PinInfo,
  type Statuses
} from '@cluster/api'
import { ANSWER_TIMEOUT_MS, ask, oneArgument } from './ask.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { MemberList } from './members.ts'
import { mergeStatuses } from './merge-statuses.ts'
import { cidsOf, pinned } from './meta-pin.ts'
import { recoverEverywhere } from './recover-all.ts'
import { comparePeers, type Roles } from './roles.ts'
import type { StatusEntries } from './status-entries.ts'
import { inOrder, LISTING_IDLE_MS, sorted, SORT_WINDOW, type KeyedStatus } from './status-stream.ts'
import { sortedOnDisk } from './sort-on-disk.ts'
import { ownStatus } from './trusting.ts'
import { abortable, unlessIdle, withDeadline } from './wait.ts'

/** Fewest items that are sorted at a time, however short the page that was asked for. */
const MIN_SORT_WINDOW = 4_096

/** What became of the pinset: at this peer, and merged over all. */
export interface StatusBoard extends Statuses {
  statusLocal(cid: CID, options: AbortOptions): Promise<PinInfo>
  statusAllLocal(filter: TrackerStatus, options: ListOptions): Pages<PinInfo>
  /** Of sharded content every part; answers for the last, the content itself. */
  recoverLocal(cid: CID, options: AbortOptions): Promise<PinInfo>
  recoverAllLocal(options: AbortOptions): Pages<PinInfo>
  /** Of this CID alone, whether it is in the pinset or not. */
  recoverPart(cid: CID, options: AbortOptions): Promise<PinInfo>
}

type Needs = Pick<
  CoreCollaborators,
  'self' | 'peername' | 'consensus' | 'tracker' | 'ipfs' | 'remote' | 'clock' | 'log' | 'metrics' | 'scratch'
>

/**
 * @see behaviours.md §1.18
 */
export function createStatuses(core: Needs, roles: Roles, members: MemberList, entries: StatusEntries): StatusBoard {
  const { self, consensus, tracker, remote, clock, scratch } = core

  const concerned = async (options: AbortOptions): Promise<readonly PeerId[]> =>
    roles.scope() === 'self' ? [self] : await members.list(options)

  /** Asks those that hold a pin, and says of the others what follows from the pinset. */
  const gather = async (
    cid: CID,
    question: (peer: PeerId, signal: AbortSignal) => Promise<PinInfo>,
    options: AbortOptions
  ): Promise<GlobalPinInfo> => {
    const pin = await consensus.pinset.get(cid, options)
    const peers = await concerned(options)
    const inferred = (peer: PeerId, status: TrackerStatus, error = ''): PinInfo =>
      entries.inferred(peer, cid, pin, status, error)
    const infos = new Map<string, PinInfo>()
    const put = (info: PinInfo): void => {
      infos.set(info.peer.toString(), info)
    }
    const holders = pin === undefined ? [] : holdersOf(pin, peers)
    for (const peer of peers) put(inferred(peer, statusWithoutAsking(pin)))
    for (const peer of holders) infos.delete(peer.toString())
    for await (const { peer, ...answer } of ask(holders, question, {
      ...options,
      clock,
      timeoutMs: ANSWER_TIMEOUT_MS
    })) {
      put(answer.error === undefined ? answer.value : inferred(peer, TrackerStatus.clusterError, answer.error.message))
    }
    let global: GlobalPinInfo | undefined
    for (const info of [...infos.values()].sort((a, b) => comparePeers(a.peer, b.peer)))
      global = mergePinInfo(global, info)
    return global ?? emptyInfo(cid, pin)
  }

  const holdersOf = (pin: Pin, peers: readonly PeerId[]): readonly PeerId[] => {
    if (roles.scope() === 'self') return [self]
    // The content of a meta pin is its shards: it has no holders of its own.
    if (pin.type === PinType.meta) return []
    return isPinEverywhere(pin) ? peers : (pin.allocations ?? [])
  }

  const statusLocal = async (cid: CID, options: AbortOptions): Promise<PinInfo> =>
    entries.own(await tracker.status(cid, options))

  const recoverPart = async (cid: CID, options: AbortOptions): Promise<PinInfo> =>
    entries.own(await tracker.recover(cid, options))

  const recoverLocal = async (cid: CID, options: AbortOptions): Promise<PinInfo> => {
    const pin = await pinned(core, cid, options)
    let info: PinInfo | undefined
    for (const part of await cidsOf(core, pin, options)) info = await recoverPart(part, options)
    return info ?? (await recoverPart(cid, options))
  }

  async function* ownPages(pages: Pages<Parameters<StatusEntries['own']>[0]>): Pages<PinInfo> {
    for await (const page of pages) yield page.map((tracked) => entries.own(tracked))
  }
  const statusAllLocal = (filter: TrackerStatus, options: ListOptions): Pages<PinInfo> =>
    ownPages(tracker.statusAll(filter, options))
  const recoverAllLocal = (options: AbortOptions): Pages<PinInfo> => ownPages(tracker.recoverAll(options))

  const answersInOrder = async (peer: PeerId, signal: AbortSignal): Promise<boolean> =>
    await withDeadline(clock, ANSWER_TIMEOUT_MS, signal, () =>
      remote.supports(peer, PEER_EXTENSIONS.orderedStatuses)
    ).catch(() => false)

  /** The statuses of one peer in pinset order, whatever order it answers in. */
  const answersOf = async (
    peer: PeerId,
    filter: TrackerStatus,
    { after, limit = Infinity }: ListOptions,
    signal: AbortSignal
  ): Promise<AsyncIterable<KeyedStatus>> => {
    const afterKey = after === undefined ? '' : pinsetKey(after)
    const heard = (items: AsyncIterable<PinInfo>, idleMs: number): AsyncIterable<PinInfo> =>
      unlessIdle(clock, idleMs, signal, items)
    if (peer.equals(self)) {
      return inOrder(heard(itemsOf(statusAllLocal(filter, { after, signal })), LISTING_IDLE_MS), afterKey)
    }
    const answer = (idleMs: number): AsyncIterable<PinInfo> =>
      heard(remote.stream(peer, 'PinTracker.StatusAll', oneArgument(filter), { signal }), idleMs)
    const check = (info: PinInfo): PinInfo => ownStatus(peer, info)
    if (await answersInOrder(peer, signal)) return inOrder(answer(ANSWER_TIMEOUT_MS), afterKey, check)
    if (limit > SORT_WINDOW && scratch !== undefined) {
      return sortedOnDisk(answer(LISTING_IDLE_MS), afterKey, scratch, { check })
    }
    const window = Math.min(SORT_WINDOW, Math.max(MIN_SORT_WINDOW, limit))
    return sorted(() => answer(LISTING_IDLE_MS), afterKey, window, check)
  }

  async function* statusAll(filter: TrackerStatus, options: ListOptions): Pages<GlobalPinInfo> {
    const peers = await concerned(options)
    const own = new AbortController()
    const signal = options.signal === undefined ? own.signal : AbortSignal.any([options.signal, own.signal])
    // These filters make trackers list no pins, so without the pinset a lost peer would not show.
    const showsFailures = filter !== TrackerStatus.undefined && (filter & TrackerStatus.clusterError) !== 0
    try {
      yield* mergeStatuses(
        peers.map((peer) => ({ peer, items: deferred(() => answersOf(peer, filter, options, signal)) })),
        {
          ...abortable(options.signal),
          limit: options.limit,
          pins: showsFailures ? itemsOf(consensus.pinset.list({ after: options.after, signal })) : undefined,
          failed: (peer, { cid }, error) =>
            entries.inferred(peer, cid, undefined, TrackerStatus.clusterError, error.message)
        }
      )
    } finally {
      own.abort()
    }
  }

  async function* single(pages: Pages<PinInfo>): Pages<GlobalPinInfo> {
    for await (const page of pages) yield page.map((info) => mergePinInfo(undefined, info))
  }

  return {
    statusLocal,
    statusAllLocal,
    recoverLocal,
    recoverAllLocal,
    recoverPart,
    async status(cid, { local, signal }) {
      if (local === true) return mergePinInfo(undefined, await statusLocal(cid, abortable(signal)))
      return await gather(
        cid,
        (peer, limited) =>
          peer.equals(self)
            ? statusLocal(cid, { signal: limited })
            : remote
                .call(peer, 'PinTracker.Status', cid, { signal: limited })
                .then((info) => ownStatus(peer, info, cid)),
        abortable(signal)
      )
    },
    async recover(cid, { local, signal }) {
      if (local === true) return mergePinInfo(undefined, await recoverLocal(cid, abortable(signal)))
      return await gather(
        cid,
        (peer, limited) =>
          peer.equals(self)
            ? recoverPart(cid, { signal: limited })
            : remote
                .call(peer, 'PinTracker.Recover', cid, { signal: limited })
                .then((info) => ownStatus(peer, info, cid)),
        abortable(signal)
      )
    },
    statusAll: (filter, { local, ...options }) =>
      local === true ? single(statusAllLocal(filter, options)) : statusAll(filter, options),
    recoverAll: ({ local, signal }) =>
      local === true
        ? single(recoverAllLocal(abortable(signal)))
        : recoverEverywhere(core, concerned, recoverAllLocal, entries, abortable(signal))
  }
}

/** Items whose source is found out when they are first read. */
function deferred<T>(find: () => Promise<AsyncIterable<T>>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      let found: AsyncIterator<T> | undefined
      return {
        async next() {
          found ??= (await find())[Symbol.asyncIterator]()
          return await found.next()
        },
        async return() {
          return (await found?.return?.()) ?? { done: true, value: undefined }
        }
      }
    }
  }
}

/** The status of a pin at a peer that does not hold it. */
function statusWithoutAsking(pin: Pin | undefined): TrackerStatus {
  if (pin === undefined) return TrackerStatus.unpinned
  return pin.type === PinType.meta ? TrackerStatus.sharded : TrackerStatus.remote
}

function emptyInfo(cid: CID, pin: Pin | undefined): GlobalPinInfo {
  const { name = '', allocations, origins, timestamp: created, metadata } = pin ?? {}
  return { cid, name, allocations, origins, created, metadata, peerMap: undefined }
}
