import type { Clock } from '@cluster/api'
import { MemoryMetrics } from './memory-monitor.ts'
import { peerMonitorConformance } from './peer-monitor-conformance.ts'

const CHECK_INTERVAL_MS = 1000
/** Monitors of one test, which share its clock, share a topic. */
const topics = new WeakMap<Clock, MemoryMetrics>()

peerMonitorConformance(
  'MemoryMonitor',
  ({ clock, self }) => {
    const topic = topics.get(clock) ?? new MemoryMetrics(clock)
    topics.set(clock, topic)
    return topic.join(self, CHECK_INTERVAL_MS)
  },
  CHECK_INTERVAL_MS
)
