import type { Metrics } from '@libp2p/interface'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ipfsCounters, limitCounter, PEER_METRICS } from './counters.ts'

interface Recorded {
  readonly stats: readonly { readonly name: string; readonly type: string; readonly help: string }[]
}
const url = new URL('../../../testing/vectors/cli/metrics.json', import.meta.url)
const { stats } = JSON.parse(readFileSync(url, 'utf8')) as Recorded

describe('what a peer counts', () => {
  it('is what the reference counts, under its names, kinds and texts', () => {
    const theirs = stats.filter(({ name }) => name.startsWith('ipfscluster_'))
    const ours = Object.values(PEER_METRICS).map(({ name, type, help }) => ({ name, type, help, labels: [] }))
    expect(ours.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(theirs)
  })

  it('is nothing without metrics', () => {
    expect(ipfsCounters(undefined)).toBeUndefined()
    expect(() => {
      limitCounter(undefined)('rpc')
    }).not.toThrow()
  })

  it('is registered at once, and counts limits by their name', () => {
    const registered: string[] = []
    const counted: object[] = []
    const register = (name: string) => {
      registered.push(name)
      return { update: () => undefined, increment: (values: object) => counted.push(values) }
    }
    const metrics = {
      registerMetric: register,
      registerCounter: register,
      registerCounterGroup: register
    } as unknown as Metrics
    ipfsCounters(metrics)
    expect(registered).toEqual(
      expect.arrayContaining(['ipfscluster_pins_ipfs_pins', 'ipfscluster_blocks_put', 'ipfscluster_pins_pin_add'])
    )
    limitCounter(metrics)('tracker_queue')
    expect(registered).toContain('ipfscluster_limits_reached')
    expect(counted).toEqual([{ tracker_queue: 1 }])
  })
})
