import { readFileSync } from 'node:fs'
import { settle, MemoryGossip, testContext, testPeerId } from '@cluster/testing'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { digest } from 'multiformats'
import { describe, expect, it } from 'vitest'
import { decodeMetricMessage, encodeMetricMessage } from './metric-message.ts'
import { METRICS_TOPIC, PubsubMonitor } from './pubsub-monitor.ts'

interface Message {
  readonly origin: string
  readonly from: string
  readonly topic: string
  readonly data: string
  readonly metric: Readonly<Record<string, string | boolean>>
}
const file = new URL('../../testing/vectors/rpc/metrics.json', import.meta.url)
const { messages } = JSON.parse(readFileSync(file, 'utf8')) as { messages: readonly Message[] }
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

describe('metrics as Go peers and a JavaScript peer published them', () => {
  it('has messages of several names and origins', () => {
    expect(new Set(messages.map(({ metric }) => metric['name'])).size).toBeGreaterThanOrEqual(3)
    expect(new Set(messages.map(({ topic }) => topic))).toEqual(new Set([METRICS_TOPIC]))
  })

  it.each(messages)('$origin: $metric.name', async ({ from, data, metric }) => {
    const { metric: decoded, legacy } = decodeMetricMessage(bytes(data))
    expect(legacy).toBe(false)
    expect({
      name: decoded.name,
      peer: decoded.peer.toString(),
      value: decoded.value,
      expire: decoded.expire.toString(),
      valid: decoded.valid,
      weight: decoded.weight.toString(),
      partitionable: decoded.partitionable,
      received_at: decoded.receivedAt.toString()
    }).toEqual(metric)
    expect(Buffer.from(encodeMetricMessage({ ...decoded, receivedAt: 5n })).toString('hex')).toBe(data)

    // and through the component: the signer of the message is the peer of the metric
    const gossip = new MemoryGossip()
    const context = { ...testContext(), network: gossip.join(testPeerId(1)) }
    const monitor = new PubsubMonitor(context, { checkIntervalMs: 1000 })
    monitor.start({})
    const signer = peerIdFromMultihash(digest.decode(bytes(from)))
    await gossip.join(signer).subscribe(METRICS_TOPIC).publish(bytes(data))
    await settle()
    expect(monitor.latestForPeer(decoded.name, decoded.peer)?.value).toBe(decoded.value)
    await monitor.stop()
  })
})
