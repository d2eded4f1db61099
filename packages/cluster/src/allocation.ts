import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { isClusterError, type Pin, type PinOptions } from '@cluster/api'
import { consider, havingVerdict, type Considered } from './candidates.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { decide } from './decide.ts'
import { createFreeSpace } from './free-space.ts'
import type { MemberList } from './members.ts'
import { PING } from './ping-value.ts'
import type { ServiceDesk } from './services.ts'
import { abortReason, waitUntil } from './wait.ts'

/** What peers are wanted for. Factors are those of `options`, already validated. */
export interface AllocationRequest extends AbortOptions {
  /** Absent when blocks are allocated before their root is known. */
  readonly cid?: CID | undefined
  readonly options: PinOptions
  readonly existing?: Pin | undefined
  /** Peers that must not be chosen. */
  readonly excluded?: readonly PeerId[] | undefined
}

/** Chooses the peers that hold a pin. */
export interface Allocation {
  /** @throws {ClusterError} `NOT_ENOUGH_PEERS` */
  allocate(request: AllocationRequest): Promise<readonly PeerId[]>
  /** The peers with a valid ping, for content that everybody holds. */
  everybody(options: AbortOptions): Promise<readonly PeerId[]>
  /** Why each peer is or is not a candidate. */
  explain(request: AllocationRequest): readonly Considered[]
  /** What {@link Allocation.allocate} would answer now, without waiting and without consequences. */
  foresee(request: AllocationRequest): readonly PeerId[]
  /** Peers that could hold a pin and do not, best first. */
  candidates(pin: Pin): readonly PeerId[]
  /** Some holders of a pin, best first; those that the allocator does not rank are last. */
  ranked(pin: Pin, holders: readonly PeerId[]): readonly PeerId[]
  /** From here on, for one ping interval, too few peers may mean that metrics have not arrived yet. */
  settleFrom(nowMs: number): void
}

type Needs = Pick<CoreCollaborators, 'consensus' | 'monitor' | 'allocator' | 'clock' | 'log'>
type Limits = Pick<
  ClusterConfig,
  'monitorPingIntervalMs' | 'pinOnlyOnTrustedPeers' | 'pinOnlyOnUntrustedPeers' | 'repair'
>

/**
 * @see behaviours.md §1.17
 */
export function createAllocation(
  core: Needs,
  members: Pick<MemberList, 'metrics'>,
  services: Pick<ServiceDesk, 'get'>,
  config: Limits
): Allocation {
  const { consensus, monitor, allocator, clock, log } = core
  const space = createFreeSpace((name) => members.metrics(name), config.repair)
  let settledAtMs = clock.nowMs() + config.monitorPingIntervalMs

  const explain = ({ options, existing, excluded }: AllocationRequest): readonly Considered[] =>
    consider({
      names: allocator.metrics,
      metrics: (name) => space.metrics(name),
      current: existing?.allocations ?? [],
      priority: options.userAllocations ?? [],
      excluded: excluded ?? [],
      only: config.pinOnlyOnTrustedPeers ? 'trusted' : config.pinOnlyOnUntrustedPeers ? 'untrusted' : undefined,
      isTrusted: (peer) => consensus.isTrusted(peer),
      present: members.metrics(PING).map(({ peer }) => peer),
      service: (peer) => services.get(peer),
      hasRoom: (peer) => space.hasRoom(peer)
    })

  const allocateNow = (request: AllocationRequest): readonly PeerId[] => {
    const { cid, options } = request
    // what everybody holds needs no choice, and that is most pins
    const isEverywhere = options.replicationFactorMin < 0 && options.replicationFactorMax < 0
    const considered = isEverywhere ? [] : explain(request)
    try {
      const allocations = decide(request, considered, allocator)
      space.chosen(allocations.filter((peer) => !isHolder(request.existing, peer)))
      return allocations
    } catch (error) {
      if (isClusterError(error, 'NOT_ENOUGH_PEERS')) {
        log.error('not enough candidates for a pin', { cid: cid?.toString(), considered: considered.map(describe) })
      }
      throw error
    }
  }

  /** Repeats what failed for want of metrics with each one that arrives, until the cluster should have settled. */
  const settling = async <T>(
    { signal }: AbortOptions,
    attempt: () => T,
    isDone: (result: T) => boolean
  ): Promise<T> => {
    let isSaid = false
    for (;;) {
      if (signal?.aborted === true) throw abortReason(signal)
      // our clock may have been set back
      settledAtMs = Math.min(settledAtMs, clock.nowMs() + config.monitorPingIntervalMs)
      try {
        const result = attempt()
        if (isDone(result) || clock.nowMs() >= settledAtMs) return result
      } catch (error) {
        if (!isClusterError(error, 'NOT_ENOUGH_PEERS') || clock.nowMs() >= settledAtMs) throw error
      }
      if (!isSaid) log.info(`waiting for the metrics of other peers, at most ${settledAtMs - clock.nowMs()} ms`)
      isSaid = true
      const arrived = new AbortController()
      const onMetric = (): void => {
        arrived.abort()
      }
      monitor.addEventListener('metric', onMetric)
      try {
        const either = signal === undefined ? arrived.signal : AbortSignal.any([signal, arrived.signal])
        await waitUntil(clock, settledAtMs, either)
      } finally {
        monitor.removeEventListener('metric', onMetric)
      }
    }
  }

  return {
    explain,
    foresee: (request) => decide(request, explain(request), allocator),
    candidates(pin) {
      const considered = explain({ cid: pin.cid, options: pin, existing: pin })
      const current = havingVerdict(considered, 'current')
      const isKnown = (peer: PeerId): boolean => isHolder(pin, peer)
      const candidates = havingVerdict(considered, 'candidate').filter(({ peer }) => !isKnown(peer))
      return allocator.allocate({ cid: pin.cid, current, candidates, priority: [] })
    },
    ranked(pin, holders) {
      const considered = explain({ cid: pin.cid, options: pin, existing: pin })
      const candidates = considered.filter(({ peer }) => holders.some((holder) => holder.equals(peer)))
      const ranking = allocator.allocate({ cid: pin.cid, current: [], candidates, priority: [] })
      const isRanked = (peer: PeerId): boolean => ranking.some((other) => other.equals(peer))
      return [...ranking, ...holders.filter((peer) => !isRanked(peer))]
    },
    async allocate(request) {
      // Who replaces a lost peer takes what is there.
      if ((request.excluded ?? []).length > 0) return allocateNow(request)
      return await settling(
        request,
        () => allocateNow(request),
        () => true
      )
    },
    async everybody(options) {
      return await settling(
        options,
        () => members.metrics(PING).map(({ peer }) => peer),
        (peers) => peers.length > 0
      )
    },
    settleFrom(nowMs) {
      settledAtMs = nowMs + config.monitorPingIntervalMs
    }
  }
}

function isHolder(pin: Pin | undefined, peer: PeerId): boolean {
  return (pin?.allocations ?? []).some((holder) => holder.equals(peer))
}

function describe({ peer, verdict, missing }: Considered): object {
  return { peer: peer.toString(), verdict, ...(missing.length === 0 ? {} : { missing }) }
}
