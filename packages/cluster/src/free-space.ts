import type { PeerId } from '@libp2p/interface'
import type { Metric } from '@cluster/api'

/** The metric that tells how many bytes are free at a peer. */
const FREE_SPACE = 'freespace'
/** The metric that tells how many pins wait at a peer. */
const PIN_QUEUE = 'pinqueue'

/** What queued pins are assumed to need, and what must be left. Bytes. */
export interface SpaceLimits {
  /** 0: as the peers say, as the reference does. */
  readonly assumedPinSize: number
  readonly minFreeSpace: number
}

/** Free space as it will be once what is queued is there. */
export interface FreeSpace {
  /** The valid metrics of a name, free space less what is queued. */
  metrics(name: string): readonly Metric[]
  /** Whether a peer has the room that must be left; one that does not say counts as having it. */
  hasRoom(peer: PeerId): boolean
  /** Notes that peers were chosen: until their next metric they have that much less. */
  chosen(peers: readonly PeerId[]): void
}

/**
 * Peers tell every few seconds what is free, and a pin takes space only once it is fetched: without this, all pins of a
 * burst go to the same peer, and full disks are chosen.
 *
 * @param published - the valid metrics of a name
 * @see behaviours.md §8 item 4
 */
export function createFreeSpace(
  published: (name: string) => readonly Metric[],
  { assumedPinSize, minFreeSpace }: SpaceLimits
): FreeSpace {
  const chosen = new Map<string, { readonly since: Metric; readonly count: number }>()

  const adjusted = (queues: ReadonlyMap<string, number>, metric: Metric): Metric => {
    const key = metric.peer.toString()
    const since = chosen.get(key)
    const pins = (queues.get(key) ?? 0) + (since?.since === metric ? since.count : 0)
    if (pins === 0) return metric
    const left = metric.weight - BigInt(pins) * BigInt(assumedPinSize)
    const weight = left > 0n ? left : 0n
    return { ...metric, weight, value: weight.toString() }
  }

  const freeSpace = (): readonly Metric[] => {
    const said = published(FREE_SPACE)
    if (assumedPinSize === 0) return said
    const queues = new Map(published(PIN_QUEUE).map(({ peer, value }) => [peer.toString(), lengthOf(value)]))
    return said.map((metric) => adjusted(queues, metric))
  }

  return {
    metrics: (name) => (name === FREE_SPACE ? freeSpace() : published(name)),
    hasRoom(peer) {
      if (minFreeSpace === 0) return true
      const metric = freeSpace().find((each) => each.peer.equals(peer))
      return metric === undefined || metric.weight >= BigInt(minFreeSpace)
    },
    chosen(peers) {
      if (assumedPinSize === 0) return
      for (const metric of published(FREE_SPACE)) {
        if (!peers.some((peer) => peer.equals(metric.peer))) continue
        const key = metric.peer.toString()
        const known = chosen.get(key)
        chosen.set(key, { since: metric, count: known?.since === metric ? known.count + 1 : 1 })
      }
    }
  }
}

function lengthOf(value: string): number {
  const length = Number(value)
  return Number.isSafeInteger(length) && length > 0 ? length : 0
}
