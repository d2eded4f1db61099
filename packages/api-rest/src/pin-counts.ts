import { itemsOf, trackerStatusToString, TrackerStatus } from '@cluster/api'
import { goJson } from '@cluster/http'
import { isLocal, valueAnswer, type RestCall, type RestHandler } from './call.ts'

/** @see http-apis.md §9, wish 16 */
export const pinCountHandlers = {
  /** How many pins there are, and how many of them each peer has in which status. Reads the whole listing. */
  PinCounts: async (call) => valueAnswer(goJson(await countsOf(call)))
} as const satisfies Record<string, RestHandler>

interface PinCounts {
  readonly pins: number
  /** Over all peers: a pin counts once for each peer that tells of it. */
  readonly statuses: Readonly<Record<string, number>>
  readonly peers: Readonly<Record<string, Readonly<Record<string, number>>>>
}

async function countsOf(call: RestCall): Promise<PinCounts> {
  const { cluster, signal } = call
  const pages = cluster.statuses.statusAll(TrackerStatus.undefined, { local: isLocal(call), signal })
  const all = new Map<TrackerStatus, number>()
  const peers = new Map<string, Map<TrackerStatus, number>>()
  let pins = 0
  for await (const { peerMap } of itemsOf(pages)) {
    pins++
    for (const [peer, { status }] of peerMap ?? []) {
      const own = peers.get(peer) ?? new Map<TrackerStatus, number>()
      peers.set(peer, own)
      for (const counts of [all, own]) counts.set(status, (counts.get(status) ?? 0) + 1)
    }
  }
  return {
    pins,
    statuses: named(all),
    peers: Object.fromEntries([...peers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([peer, own]) => [peer, named(own)]))
  }
}

function named(counts: ReadonlyMap<TrackerStatus, number>): Record<string, number> {
  const entries = [...counts].sort(([a], [b]) => a - b)
  return Object.fromEntries(entries.map(([status, count]) => [trackerStatusToString(status), count]))
}
