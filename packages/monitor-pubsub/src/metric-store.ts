import { isMetricDiscarded, isMetricExpired, timestampFromMs, timestampToMs, type Metric } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { MetricSeries } from './metric-series.ts'

/** Most names of one peer: no peer may fill the store alone. A Go peer uses three, and one per tag. */
export const MAX_NAMES_PER_PEER = 128
/** Most bytes of all that is stored, roughly; beyond, the series that were silent longest give way. */
const MAX_STORE_BYTES = 256 * 1024 * 1024
/** A peer silent for so long is gone, and neither alerted nor listed any more. */
export const FORGET_AFTER_MS = 24 * 60 * 60 * 1000
/** What a stored metric costs besides its texts, roughly. */
const METRIC_OVERHEAD_BYTES = 256
/** Of peers that are gone the last metric of this name is kept: it holds the name of the peer. */
const PING = 'ping'

/** Why a metric was not stored. */
export type Refusal = 'no name' | 'too many names'

interface Entry {
  readonly name: string
  readonly peer: string
  readonly series: MetricSeries
  /** No longer checked. */
  gone: boolean
}

/**
 * The last metrics of all peers by name. Its memory is bounded whatever peers send.
 *
 * @see wire-host-rpc.md §5.3
 */
export class MetricStore {
  readonly #names = new Map<string, Map<string, Entry>>()
  readonly #namesOfPeer = new Map<string, number>()
  /** All entries, those that were silent longest first. */
  readonly #bySilence = new Set<Entry>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes = MAX_STORE_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** The names that some peer has published. */
  get names(): readonly string[] {
    return [...this.#names.keys()]
  }

  /** How many series of metrics are stored. */
  get size(): number {
    return this.#bySilence.size
  }

  /** Stores a metric as the latest of its peer and name. */
  add(metric: Metric, nowMs: number): Refusal | undefined {
    if (metric.name === '') return 'no name'
    const peer = metric.peer.toString()
    const known = this.#names.get(metric.name)?.get(peer)
    const received = { ...metric, receivedAt: timestampFromMs(nowMs) }
    if (known === undefined) {
      if ((this.#namesOfPeer.get(peer) ?? 0) >= MAX_NAMES_PER_PEER) return 'too many names'
      this.#insert({ name: metric.name, peer, series: new MetricSeries(received), gone: false })
    } else {
      this.#touch(known, received, nowMs)
    }
    this.#bytes += bytesOf(received)
    this.#makeRoom()
    return undefined
  }

  /** The latest metric of each peer that is valid and not expired, ordered by the bytes of the peer ID. */
  latestValid(name: string, nowMs: number): readonly Metric[] {
    const now = timestampFromMs(nowMs)
    const metrics: Metric[] = []
    for (const { series } of this.#names.get(name)?.values() ?? []) {
      if (!isMetricDiscarded(series.latest, now)) metrics.push(series.latest)
    }
    return metrics
      .map((metric) => ({ metric, bytes: metric.peer.toMultihash().bytes }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .map(({ metric }) => metric)
  }

  /** The latest metric of a peer, even if expired. */
  latestForPeer(name: string, peer: PeerId): Metric | undefined {
    return this.#names.get(name)?.get(peer.toString())?.series.latest
  }

  /** The metrics whose expiry is now noticed for the first time, or again after long; forgets peers that are gone. */
  check(nowMs: number): readonly Metric[] {
    const due: Metric[] = []
    for (const entry of [...this.#bySilence]) {
      if (entry.gone) continue
      const { latest } = entry.series
      const silentMs = nowMs - timestampToMs(latest.receivedAt)
      if (silentMs > FORGET_AFTER_MS && isMetricExpired(latest, timestampFromMs(nowMs))) this.#forget(entry)
      else if (entry.series.check(nowMs)) due.push(latest)
    }
    return due
  }

  #insert(entry: Entry): void {
    const peers = this.#names.get(entry.name)
    if (peers === undefined) this.#names.set(entry.name, new Map([[entry.peer, entry]]))
    else peers.set(entry.peer, entry)
    this.#namesOfPeer.set(entry.peer, (this.#namesOfPeer.get(entry.peer) ?? 0) + 1)
    this.#bySilence.add(entry)
  }

  #touch(entry: Entry, metric: Metric, nowMs: number): void {
    const dropped = entry.series.add(metric, nowMs)
    if (dropped !== undefined) this.#bytes -= bytesOf(dropped)
    entry.gone = false
    this.#bySilence.delete(entry)
    this.#bySilence.add(entry)
  }

  #makeRoom(): void {
    for (const entry of this.#bySilence) {
      if (this.#bytes <= this.#maxBytes) return
      this.#remove(entry)
    }
  }

  #forget(entry: Entry): void {
    if (entry.name !== PING) {
      this.#remove(entry)
      return
    }
    entry.gone = true
    for (const metric of entry.series.shorten()) this.#bytes -= bytesOf(metric)
  }

  #remove(entry: Entry): void {
    const peers = this.#names.get(entry.name)
    peers?.delete(entry.peer)
    if (peers?.size === 0) this.#names.delete(entry.name)
    const names = (this.#namesOfPeer.get(entry.peer) ?? 0) - 1
    if (names > 0) this.#namesOfPeer.set(entry.peer, names)
    else this.#namesOfPeer.delete(entry.peer)
    this.#bySilence.delete(entry)
    for (const metric of entry.series.all) this.#bytes -= bytesOf(metric)
  }
}

function bytesOf({ name, value }: Metric): number {
  return METRIC_OVERHEAD_BYTES + 2 * (name.length + value.length)
}
