import type { PeerId } from '@libp2p/interface'
import type { Metric, PeerMetrics, ServiceState, Verdict } from '@cluster/api'
import { comparePeers } from './roles.ts'

/** A member, and what came of it. */
export interface Considered extends PeerMetrics {
  readonly verdict: Verdict
  /** The metrics it lacks, when `incomplete`. */
  readonly missing: readonly string[]
}

/** What peers are judged by. */
export interface Criteria {
  /** Names of the metrics that a peer must have, all of them. */
  readonly names: readonly string[]
  readonly metrics: (name: string) => readonly Metric[]
  readonly current: readonly PeerId[]
  readonly priority: readonly PeerId[]
  readonly excluded: readonly PeerId[]
  /** `trusted` and `untrusted` keep only such peers. */
  readonly only?: 'trusted' | 'untrusted' | undefined
  readonly isTrusted: (peer: PeerId) => boolean
  /** The peers that are there: those that lack all metrics are considered as well. */
  readonly present: readonly PeerId[]
  readonly service: (peer: PeerId) => ServiceState
  readonly hasRoom: (peer: PeerId) => boolean
}

/**
 * Judges every peer that is there or published any of the metrics, by the bytes of their IDs. Pure; the first reason
 * that applies is the verdict. A cordoned peer stays a holder whatever it publishes: that is how it tells peers of the
 * reference, which know no cordons, to choose others.
 *
 * @see behaviours.md §1.17
 */
export function consider(criteria: Criteria): readonly Considered[] {
  const { names, metrics, current, priority, excluded, only, isTrusted, present, service, hasRoom } = criteria
  const found = new Map<string, { peer: PeerId; metrics: Map<string, Metric> }>()
  for (const name of names) {
    for (const metric of metrics(name)) {
      const key = metric.peer.toString()
      const entry = found.get(key) ?? { peer: metric.peer, metrics: new Map<string, Metric>() }
      found.set(key, entry)
      entry.metrics.set(name, metric)
    }
  }
  for (const peer of present) {
    const key = peer.toString()
    if (!found.has(key)) found.set(key, { peer, metrics: new Map() })
  }
  const judge = (peer: PeerId, missing: readonly string[]): Verdict => {
    const isIn = (peers: readonly PeerId[]): boolean => peers.some((other) => other.equals(peer))
    if (isIn(excluded)) return 'excluded'
    if (only === 'trusted' && !isTrusted(peer)) return 'untrusted'
    if (only === 'untrusted' && isTrusted(peer)) return 'trusted'
    const serves = service(peer) === 'active'
    const isPresent = isIn(present)
    if (!serves && isPresent && isIn(current)) return 'current'
    if (!serves) return 'cordoned'
    if (missing.length > 0) return 'incomplete'
    if (isIn(current)) return 'current'
    if (!hasRoom(peer)) return 'full'
    return isIn(priority) ? 'priority' : 'candidate'
  }
  return [...found.values()]
    .sort((a, b) => comparePeers(a.peer, b.peer))
    .map((entry) => {
      const missing = names.filter((name) => !entry.metrics.has(name))
      return { ...entry, missing, verdict: judge(entry.peer, missing) }
    })
}

/** The considered peers of one verdict. */
export function havingVerdict(considered: readonly Considered[], verdict: Verdict): readonly PeerMetrics[] {
  return considered.filter((entry) => entry.verdict === verdict)
}
