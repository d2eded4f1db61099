import { TrackerStatus, type GlobalPinInfo } from '@cluster/api'

/** What the service says of a pin. */
export type ServiceStatus = 'queued' | 'pinning' | 'pinned' | 'failed'

/** In the order in which they count: one peer is enough. @see http-apis.md §6.5 */
const byBits: readonly (readonly [bits: TrackerStatus, status: ServiceStatus])[] = [
  [TrackerStatus.error, 'failed'],
  [TrackerStatus.pinQueued, 'queued'],
  [TrackerStatus.pinning, 'pinning'],
  [TrackerStatus.pinned, 'pinned']
]

/** The names of all statuses. */
export const SERVICE_STATUSES: readonly ServiceStatus[] = ['queued', 'pinning', 'pinned', 'failed']

/**
 * What the service says of a pin; `undefined` when it is not there for the service: unpinned, sharded, lost.
 *
 * @see http-apis.md §6.5
 */
export function serviceStatusOf({ peerMap }: Pick<GlobalPinInfo, 'peerMap'>): ServiceStatus | undefined {
  let union = 0
  for (const { status } of peerMap?.values() ?? []) union |= status
  return serviceStatusOfBits(union)
}

/** The same for the statuses of all peers together. */
function serviceStatusOfBits(union: TrackerStatus): ServiceStatus | undefined {
  return byBits.find(([bits]) => (union & bits) !== 0)?.[1]
}
