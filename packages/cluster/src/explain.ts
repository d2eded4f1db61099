import type { AbortOptions, PeerId } from '@libp2p/interface'
import {
  isPinEverywhere,
  toClusterError,
  ZERO_PIN_OPTIONS,
  type ExplainedPeer,
  type Explanation,
  type PinOptions,
  type RankedPeer
} from '@cluster/api'
import type { CID } from 'multiformats/cid'
import type { Allocation, AllocationRequest } from './allocation.ts'
import { havingVerdict, type Considered } from './candidates.ts'
import { withFactors, type Factors } from './check-pin.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { MemberList } from './members.ts'
import { pinned } from './meta-pin.ts'

type Needs = Pick<CoreCollaborators, 'consensus' | 'allocator'> & {
  readonly members: MemberList
  readonly allocation: Allocation
}

/**
 * What an allocation would decide now, and why: for a pin of the pinset as it is, for one with other options, or for
 * one that is only imagined. Nothing is changed.
 *
 * @throws {ClusterError} `NOT_IN_PINSET` when neither the pin nor options are there, `BAD_PIN` for wrong factors
 * @see behaviours.md §8 item 17
 */
export async function explain(
  core: Needs,
  factors: Factors,
  {
    cid,
    options: asked,
    signal
  }: AbortOptions & { readonly cid?: CID | undefined; readonly options?: PinOptions | undefined }
): Promise<Explanation> {
  const { consensus, allocator, allocation, members } = core
  const abort = signal === undefined ? {} : { signal }
  const existing = cid === undefined ? undefined : await consensus.pinset.get(cid, abort)
  const wanted = asked ?? (cid === undefined ? undefined : await pinned(core, cid, abort))
  const options = withFactors(wanted ?? ZERO_PIN_OPTIONS, factors)
  const request: AllocationRequest = { cid, options, existing }
  const considered = allocation.explain(request)
  const isEverywhere = isPinEverywhere(options)
  let allocations: readonly PeerId[] = []
  let error = ''
  try {
    allocations = allocation.foresee(request)
  } catch (failure) {
    error = toClusterError(failure).message
  }
  const [priority, candidates, current] = [
    havingVerdict(considered, 'priority'),
    havingVerdict(considered, 'candidate'),
    havingVerdict(considered, 'current')
  ]
  const ranking = allocator.allocate({ cid, current, candidates, priority })
  const reasons = allocator.explain?.({ cid, current, candidates, priority }) ?? []
  const isIn = (peers: readonly PeerId[], peer: PeerId): boolean => peers.some((other) => other.equals(peer))
  const peers = considered.map((entry): ExplainedPeer => {
    const { peer, verdict, metrics } = entry
    const ranked = reasons.find((each) => each.peer.equals(peer))
    return {
      peer,
      peername: members.lastPing(peer).peername,
      verdict,
      chosen: isEverywhere || isIn(allocations, peer),
      place: ranking.findIndex((other) => other.equals(peer)),
      reason: isEverywhere ? 'every peer holds it' : reasonOf(entry, ranked),
      metrics: [...metrics.values()]
    }
  })
  return {
    cid,
    replicationFactorMin: options.replicationFactorMin,
    replicationFactorMax: options.replicationFactorMax,
    current: existing?.allocations ?? [],
    allocations,
    error,
    peers
  }
}

function reasonOf({ verdict, missing }: Considered, ranked: RankedPeer | undefined): string {
  switch (verdict) {
    case 'excluded':
      return 'it is to be replaced'
    case 'untrusted':
      return 'only trusted peers take pins here, and it is not trusted'
    case 'trusted':
      return 'only untrusted peers take pins here, and it is trusted'
    case 'cordoned':
      return 'it was cordoned: it takes no new pins'
    case 'incomplete':
      return `it does not publish ${missing.join(', ')}: its disk may be full, or its IPFS daemon down`
    case 'full':
      return 'too little space is free, after what is queued'
    case 'current':
      return 'it holds the pin already'
    case 'priority':
    case 'candidate':
      return ranked?.reason ?? (verdict === 'priority' ? 'it was asked for' : 'it could take the pin')
  }
}
