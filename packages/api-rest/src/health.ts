import type { Metric } from '@cluster/api'
import { goJson } from '@cluster/http'
import {
  alertToJSON,
  bandwidthByProtocolToJSON,
  connectGraphToJSON,
  consensusHealthToJSON,
  globalRepoGcToJSON,
  metricToJSON
} from '@cluster/wire'
import { emptyAnswer, isLocal, valueAnswer, type RestHandler } from './call.ts'

/** @see http-apis.md §3.17 to §3.22 */
export const healthHandlers = {
  Health: () => emptyAnswer(),

  RepoGC: async (call) => {
    const options = { local: isLocal(call), signal: call.signal }
    return valueAnswer(globalRepoGcToJSON(await call.cluster.content.repoGC(options)))
  },

  ConnectionGraph: async ({ cluster, signal }) =>
    valueAnswer(connectGraphToJSON(await cluster.health.connectGraph({ signal }))),

  ConsensusHealth: async ({ cluster, signal }) =>
    valueAnswer(consensusHealthToJSON(await cluster.health.consensus({ signal }))),

  Alerts: ({ cluster }) => valueAnswer(`[${cluster.health.alerts().map(alertToJSON).join()}]`),

  'Bandwidth by protocol stats': ({ cluster }) => valueAnswer(bandwidthByProtocolToJSON(cluster.health.bandwidth())),

  Metrics: ({ cluster, parameter }) => {
    const metrics = cluster.health.latestMetrics(parameter('name')).toSorted(byPeer)
    return valueAnswer(`[${metrics.map(metricToJSON).join()}]`)
  },

  MetricNames: ({ cluster }) => valueAnswer(goJson(cluster.health.metricNames()))
} as const satisfies Record<string, RestHandler>

function byPeer(a: Metric, b: Metric): number {
  return Buffer.compare(a.peer.toMultihash().bytes, b.peer.toMultihash().bytes)
}
