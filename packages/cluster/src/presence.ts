import { isMetricDiscarded, timestampFromMs, type Alert, type Metric } from '@cluster/api'
import type { CoreCollaborators } from './collaborators.ts'
import type { Events } from './events.ts'
import type { MemberList } from './members.ts'
import { PING } from './ping-value.ts'

/** Peers that are remembered as present: far above what a cluster has. */
const MAX_PRESENT = 65_536

/**
 * Tells, as events, which other peers begin to say that they live, and which no longer do. Returns what ends it.
 *
 * @see http-apis.md §9, wish 8
 */
export function watchPresence(
  { self, monitor, clock }: Pick<CoreCollaborators, 'self' | 'monitor' | 'clock'>,
  members: Pick<MemberList, 'counts' | 'lastPing'>,
  events: Events
): () => void {
  const present = new Set<string>()
  const tell = (peer: Metric['peer'], state: 'joined' | 'left'): void => {
    events.emit({ type: 'peer', peer, peername: members.lastPing(peer).peername, state })
  }
  const onMetric = ({ detail: metric }: CustomEvent<Metric>): void => {
    const { name, peer } = metric
    if (name !== PING || peer.equals(self) || present.has(peer.toString()) || present.size >= MAX_PRESENT) return
    if (!members.counts(peer) || isMetricDiscarded(metric, timestampFromMs(clock.nowMs()))) return
    present.add(peer.toString())
    tell(peer, 'joined')
  }
  const onAlert = ({ detail: { name, peer } }: CustomEvent<Alert>): void => {
    if (name === PING && present.delete(peer.toString())) tell(peer, 'left')
  }
  monitor.addEventListener('metric', onMetric)
  monitor.addEventListener('alert', onAlert)
  return () => {
    monitor.removeEventListener('metric', onMetric)
    monitor.removeEventListener('alert', onAlert)
  }
}
