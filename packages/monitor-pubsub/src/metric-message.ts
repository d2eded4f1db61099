import type { Metric } from '@cluster/api'
import { decode, encode } from '@cluster/msgpack'
import { metricForm } from '@cluster/wire'

/** What peers up to 0.13.3 put before the metric: byte 9, `/msgpack`, line feed. */
const LEGACY_PREFIX = Uint8Array.from([0x09, ...new TextEncoder().encode('/msgpack\n')])

/** A metric as the data of a gossip message. The time of arrival is not sent. */
export function encodeMetricMessage(metric: Metric): Uint8Array {
  return encode(metricForm.msgpack, { ...metric, receivedAt: 0n })
}

/**
 * Reads the data of a gossip message; bytes behind the metric are ignored.
 *
 * @returns `legacy` when the message had the form of peers up to 0.13.3
 * @throws {Error} when it is no metric
 * @see wire-host-rpc.md §5.1
 */
export function decodeMetricMessage(data: Uint8Array): { readonly metric: Metric; readonly legacy: boolean } {
  try {
    return { metric: decode(metricForm.msgpack, data), legacy: false }
  } catch (error) {
    if (!LEGACY_PREFIX.every((byte, at) => data[at] === byte)) throw error
    return { metric: decode(metricForm.msgpack, data.subarray(LEGACY_PREFIX.length)), legacy: true }
  }
}
