import { alertFromJSON, bandwidthByProtocolFromJSON, metricFromJSON } from '@cluster/wire'
import { describe, expect, it } from 'vitest'
import { formatAlerts, formatBandwidth, formatMetrics } from './format-health.ts'

const peer = '12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6'
const now = 1_700_000_000_000_000_000n
const metric = (name: string, value: string, weight: number, seconds: number, more: object = {}): object => ({
  name,
  value,
  peer,
  weight,
  expire: now + BigInt(seconds) * 1_000_000_000n,
  valid: true,
  ...more
})

describe('text output, byte for byte', () => {
  it('of metrics: space in human units, others as they are', () => {
    const metrics = [
      metricFromJSON(metric('freespace', '10000000000', 10_000_000_000, 29)),
      metricFromJSON(metric('freespace', 'none', 0, -29)),
      metricFromJSON(metric('ping', '{"peer_name":"cluster0"}', 0, 22))
    ]
    expect(formatMetrics(metrics, now)).toBe(`${peer} | freespace: 10 GB | Expires in: 29 seconds from now
${peer} | freespace: none | Expires in: 29 seconds ago
${peer} | ping: {"peer_name":"cluster0"} | Expires in: 22 seconds from now
`)
    expect(formatMetrics([], now)).toBe('')
  })

  it('of alerts', () => {
    const alert = alertFromJSON(metric('freespace', '', 0, -39, { triggered_at: '2023-11-14T22:12:42Z' }))
    expect(formatAlerts([alert], now)).toBe(
      `${peer}: freespace. Expired at: 39 seconds ago. Triggered at: 38 seconds ago\n`
    )
  })

  it('of traffic: by name of the protocol', () => {
    const traffic = bandwidthByProtocolFromJSON({
      '/ipfscluster/1.0/rpc': { total_in: 1_200_000, total_out: 99_000, rate_in: 1234.567, rate_out: 0 },
      '': { total_in: 474, total_out: 474, rate_in: 0, rate_out: 0 },
      '/ipfs/id/1.0.0': { total_in: 12_000, total_out: 9, rate_in: 1.5, rate_out: 0 }
    })
    expect(formatBandwidth(traffic))
      .toBe(`                         : In:   474 B. Out:   474 B. RateIn: 0.00B/s. RateOut: 0.00B/s
           /ipfs/id/1.0.0: In:   12 kB. Out:     9 B. RateIn: 1.50B/s. RateOut: 0.00B/s
     /ipfscluster/1.0/rpc: In:  1.2 MB. Out:   99 kB. RateIn: 1234.57B/s. RateOut: 0.00B/s
`)
    expect(formatBandwidth(undefined)).toBe('')
  })
})
