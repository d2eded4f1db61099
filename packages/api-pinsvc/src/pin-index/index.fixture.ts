import {
  pinOf,
  pinsetKey,
  timestampFromMs,
  TrackerStatus,
  trackerStatusMatches,
  type Cluster,
  type ClusterEvents,
  type GlobalPinInfo,
  type NumberedEvent,
  type Pages,
  type Pin,
  type PinOptions
} from '@cluster/api'
import { LoneCluster, ManualClock, memoryLogger, testCid, testPeerId } from '@cluster/testing'
import type { CID } from 'multiformats/cid'

const PAGE = 7
const START_SECONDS = Date.parse('2026-01-01') / 1000

/** A pinset in pinset order with a status of each pin, that tells of its changes. */
export class ListedCluster {
  readonly clock = new ManualClock()
  readonly log = memoryLogger()
  readonly pins = new Map<string, Pin>()
  readonly statuses = new Map<string, TrackerStatus>()
  /** Statuses of how many pins were read. */
  statusesRead = 0
  readonly #watchers = new Set<(event: NumberedEvent) => void>()
  readonly #lone = new LoneCluster()
  #id = 0

  get cluster(): Cluster {
    const { members, content, health } = this.#lone
    const events: ClusterEvents = {
      run: 'test',
      lastId: this.#id,
      since: () => [],
      watch: (fn) => {
        this.#watchers.add(fn)
        return () => this.#watchers.delete(fn)
      }
    }
    return {
      ...{ members, content, events },
      health: { ...health, latestMetrics: () => [this.#ping()] },
      pins: { ...this.#lone.pins, list: () => this.#list() },
      statuses: { ...this.#lone.statuses, statusAll: (filter) => this.#statusAll(filter) }
    }
  }

  /** Who watches, and nothing more. */
  get watchers(): number {
    return this.#watchers.size
  }

  /** @param seconds - after the beginning of the year */
  pin(n: number, seconds: number, options: Partial<PinOptions> & { allocations?: Pin['allocations'] } = {}): Pin {
    const timestamp = timestampFromMs((START_SECONDS + seconds) * 1000)
    const { allocations = [], ...rest } = options
    const pin = { ...pinOf(testCid(n), { ...rest, timestamp }), allocations }
    this.pins.set(pinsetKey(pin.cid), pin)
    this.#tell({ type: 'pin', pin })
    return pin
  }

  unpin(n: number): void {
    const cid = testCid(n)
    this.pins.delete(pinsetKey(cid))
    this.#tell({ type: 'unpin', cid })
  }

  resync(): void {
    this.#tell({ type: 'resync' })
  }

  setStatus(cid: CID, status: TrackerStatus): void {
    this.statuses.set(pinsetKey(cid), status)
  }

  #tell(change: { type: 'pin'; pin: Pin } | { type: 'unpin'; cid: CID } | { type: 'resync' }): void {
    this.#id += 1
    for (const watcher of this.#watchers) watcher({ type: 'pinset', change, id: this.#id, atMs: 0 })
  }

  #sorted(): Pin[] {
    return [...this.pins].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pin]) => pin)
  }

  async *#list(): Pages<Pin> {
    const pins = this.#sorted()
    for (let at = 0; at < pins.length; at += PAGE) yield await Promise.resolve(pins.slice(at, at + PAGE))
  }

  async *#statusAll(filter: TrackerStatus): Pages<GlobalPinInfo> {
    for (const pin of this.#sorted()) {
      const status = this.statuses.get(pinsetKey(pin.cid)) ?? TrackerStatus.pinned
      if (!trackerStatusMatches(status, filter)) continue
      this.statusesRead += 1
      yield [await Promise.resolve(infoOf(pin, status))]
    }
  }

  #ping() {
    const rest = {
      name: 'ping',
      value: '{}',
      expire: 0n,
      valid: true,
      weight: 0n,
      partitionable: false,
      receivedAt: 0n
    }
    return { ...rest, peer: testPeerId(0) }
  }
}

function infoOf({ cid, name, allocations, origins, timestamp, metadata }: Pin, status: TrackerStatus): GlobalPinInfo {
  const nothing = { ipfsPeerId: undefined, ipfsPeerAddresses: undefined, timestamp: undefined }
  const short = { ...nothing, peername: '', status, error: '', attemptCount: 0, priorityPin: false }
  const peerMap = new Map([[testPeerId(0).toString(), short]])
  return { cid, name, allocations, origins, created: timestamp, metadata, peerMap }
}
