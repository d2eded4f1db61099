import type { PeerId } from '@libp2p/interface'
import { ClusterError, type PinAllocator } from '@cluster/api'
import type { AllocationRequest } from './allocation.ts'
import { havingVerdict, type Considered } from './candidates.ts'

/**
 * The holders of a pin, once every peer has its verdict. Pure.
 *
 * @throws {ClusterError} `NOT_ENOUGH_PEERS`, `BAD_PIN`
 * @see behaviours.md §1.17
 */
export function decide(
  { cid, options, existing }: AllocationRequest,
  considered: readonly Considered[],
  allocator: Pick<PinAllocator, 'allocate'>
): readonly PeerId[] {
  const { replicationFactorMin: min, replicationFactorMax: max } = options
  if (min + max === 0) throw new ClusterError('BAD_PIN', `bad replication factors: ${min}/${max}`)
  if (min < 0 && max < 0) return []
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
    // Cordoned holders publish nothing to rank them by: they are as good as their copies.
    const rest = current.map(({ peer }) => peer).filter((peer) => !ranked.some((other) => other.equals(peer)))
    return [...ranked, ...rest].slice(0, max)
  }
  if (needed <= 0) return existing?.allocations ?? []
  const available = candidates.length + priority.length
  const tooFew = (): ClusterError =>
    new ClusterError(
      'NOT_ENOUGH_PEERS',
      `not enough peers to allocate CID. Needed at least: ${needed}. Wanted at most: ${wanted}. ` +
        `Available candidates: ${available}. See logs for more info.`
    )
  if (available < needed) throw tooFew()
  const ranked = allocator.allocate({ cid, current, candidates, priority })
  if (ranked.length < needed) throw tooFew()
  return [...current.map(({ peer }) => peer), ...ranked.slice(0, wanted)]
}
