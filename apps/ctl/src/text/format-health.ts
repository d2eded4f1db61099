import type { Alert, Bandwidth, BandwidthByProtocol, Metric } from '@cluster/api'
import { humanBytes, relativeTime } from './human-units.ts'

const PROTOCOL_WIDTH = 25
const BYTES_WIDTH = 7

/**
 * The metrics of a name, one line each.
 *
 * @param now - in nanoseconds since 1970
 * @see cli-config.md §1.9
 */
export function formatMetrics(metrics: readonly Metric[], now: bigint): string {
  return metrics
    .map(({ peer, name, value, weight, expire }) => {
      const shown = name === 'freespace' && weight > 0n ? humanBytes(weight) : value
      return `${peer.toString()} | ${name}: ${shown} | Expires in: ${relativeTime(expire, now)}\n`
    })
    .join('')
}

/** What was not renewed in time, one line each. */
export function formatAlerts(alerts: readonly Alert[], now: bigint): string {
  return alerts
    .map(({ peer, name, expire, triggeredAt = 0n }) => {
      const times = `Expired at: ${relativeTime(expire, now)}. Triggered at: ${relativeTime(triggeredAt, now)}`
      return `${peer.toString()}: ${name}. ${times}\n`
    })
    .join('')
}

/** The traffic of each protocol, one line each. */
export function formatBandwidth(traffic: BandwidthByProtocol | undefined): string {
  return [...(traffic ?? [])]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([protocol, bandwidth]) => `${protocol.padStart(PROTOCOL_WIDTH)}: ${columnsOf(bandwidth)}\n`)
    .join('')
}

function columnsOf({ totalIn, totalOut, rateIn, rateOut }: Bandwidth): string {
  const bytes = (count: bigint): string => humanBytes(count).padStart(BYTES_WIDTH)
  return `In: ${bytes(totalIn)}. Out: ${bytes(totalOut)}. RateIn: ${rateIn.toFixed(2)}B/s. RateOut: ${rateOut.toFixed(2)}B/s`
}
