import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { ClusterError, isClusterError, type Pin, type PinOptions } from '@cluster/api'
import { consider, havingVerdict, type Considered } from './candidates.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { MemberList } from './members.ts'
import { PING } from './ping-value.ts'
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
  /** From here on, for one ping interval, too few peers may mean that metrics have not arrived yet. */
  settleFrom(nowMs: number): void
}

type Needs = Pick<CoreCollaborators, 'consensus' | 'monitor' | 'allocator' | 'clock' | 'log'>
type Limits = Pick<ClusterConfig, 'monitorPingIntervalMs' | 'pinOnlyOnTrustedPeers' | 'pinOnlyOnUntrustedPeers'>

/**
 * @see behaviours.md §1.17
 */
export function createAllocation(core: Needs, members: MemberList, config: Limits): Allocation {
  const { consensus, monitor, allocator, clock, log } = core
  let settledAtMs = clock.nowMs() + config.monitorPingIntervalMs

  const explain = ({ options, existing, excluded }: AllocationRequest): readonly Considered[] =>
    consider({
      names: allocator.metrics,
      metrics: (name) => members.metrics(name),
      current: existing?.allocations ?? [],
      priority: options.userAllocations ?? [],
      excluded: excluded ?? [],
      only: config.pinOnlyOnTrustedPeers ? 'trusted' : config.pinOnlyOnUntrustedPeers ? 'untrusted' : undefined,
      isTrusted: (peer) => consensus.isTrusted(peer)
    })

  const allocateNow = (request: AllocationRequest): readonly PeerId[] => {
    const { cid, options, existing } = request
    const { replicationFactorMin: min, replicationFactorMax: max } = options
    if (min + max === 0) throw new ClusterError('BAD_PIN', `bad replication factors: ${min}/${max}`)
    if (min < 0 && max < 0) return []
    const considered = explain(request)
    const current = havingVerdict(considered, 'current')
    const priority = havingVerdict(considered, 'priority')
    const candidates = havingVerdict(considered, 'candidate')
    const [needed, wanted] = [min - current.length, max - current.length]
    if (wanted < 0) {
      // Too many holders: those that the caller asked for stay first, then the best.
      const isAskedFor = ({ peer }: { readonly peer: PeerId }): boolean =>
        (options.userAllocations ?? []).some((other) => other.equals(peer))
      const ranked = allocator.allocate({
        cid,
        current: [],
        candidates: current.filter((entry) => !isAskedFor(entry)),
        priority: current.filter(isAskedFor)
      })
      return ranked.slice(0, max)
    }
    if (needed <= 0) return existing?.allocations ?? []
    const available = candidates.length + priority.length
    const tooFew = (): ClusterError => {
      log.error('not enough candidates for a pin', { cid: cid?.toString(), considered: considered.map(describe) })
      return new ClusterError(
        'NOT_ENOUGH_PEERS',
        `not enough peers to allocate CID. Needed at least: ${needed}. Wanted at most: ${wanted}. ` +
          `Available candidates: ${available}. See logs for more info.`
      )
    }
    if (available < needed) throw tooFew()
    const ranked = allocator.allocate({ cid, current, candidates, priority })
    if (ranked.length < needed) throw tooFew()
    return [...current.map(({ peer }) => peer), ...ranked.slice(0, wanted)]
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
      const arrived = new AbortController()
      const onMetric = (): void => {
        arrived.abort()
      }
      monitor.addEventListener('metric', onMetric)
      try {
        let result: T | undefined
        try {
          result = attempt()
          if (isDone(result) || clock.nowMs() >= settledAtMs) return result
        } catch (error) {
          if (!isClusterError(error, 'NOT_ENOUGH_PEERS') || clock.nowMs() >= settledAtMs) throw error
        }
        if (!isSaid) log.info(`waiting for the metrics of other peers, at most ${settledAtMs - clock.nowMs()} ms`)
        isSaid = true
        const either = signal === undefined ? arrived.signal : AbortSignal.any([signal, arrived.signal])
        await waitUntil(clock, settledAtMs, either)
      } finally {
        monitor.removeEventListener('metric', onMetric)
      }
    }
  }

  return {
    explain,
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

function describe({ peer, verdict, missing }: Considered): object {
  return { peer: peer.toString(), verdict, ...(missing.length === 0 ? {} : { missing }) }
}
