import { TrackerStatus, type GlobalPinInfo, type PinInfoShort } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { pause, progressOf } from './wait-for.ts'

const { pinned, pinning, pinError, clusterError, unpinError, unpinned, remote } = TrackerStatus

function infoOf(...statuses: readonly TrackerStatus[]): GlobalPinInfo {
  const short = { peername: '', ipfsPeerId: undefined, ipfsPeerAddresses: undefined, timestamp: undefined }
  const rest = { error: '', attemptCount: 0, priorityPin: false }
  const entries = statuses.map((status, index): [string, PinInfoShort] => [
    testPeerId(index).toString(),
    { ...short, ...rest, status }
  ])
  const common = { name: '', allocations: undefined, origins: undefined, created: undefined, metadata: undefined }
  return { cid: CID.parse('bafkqaaa'), ...common, peerMap: new Map(entries) }
}

describe('progressOf', () => {
  it('wants all peers, remote ones aside when the target is pinned', () => {
    expect(progressOf(infoOf(pinned, pinning), {})).toBe('waiting')
    expect(progressOf(infoOf(pinned, pinned, remote), {})).toBe('reached')
    expect(progressOf(infoOf(remote), {})).toBe('reached')
    expect(progressOf(infoOf(unpinned, remote), { target: unpinned })).toBe('waiting')
  })

  it('takes nobody for everybody', () => {
    expect(progressOf(infoOf(), {})).toBe('reached')
    expect(progressOf({ ...infoOf(), peerMap: undefined }, { limit: 2 })).toBe('reached')
  })

  it('wants as many peers as the limit says, at most all', () => {
    expect(progressOf(infoOf(pinning, pinned), { limit: 1 })).toBe('reached')
    expect(progressOf(infoOf(pinning, pinned, pinned), { limit: 3 })).toBe('waiting')
    expect(progressOf(infoOf(pinned), { limit: 3 })).toBe('reached')
    // A limit counts peers that have it, so remote ones are not enough.
    expect(progressOf(infoOf(pinned, remote), { limit: 2 })).toBe('waiting')
    expect(progressOf(infoOf(pinned, remote), { limit: -1 })).toBe('reached')
  })

  it('fails with any peer that has failed', () => {
    for (const status of [TrackerStatus.undefined, clusterError, pinError, unpinError]) {
      expect(progressOf(infoOf(pinned, status), { limit: 1 })).toBe('failed')
    }
  })
})

describe('pause', () => {
  it('ends by time or by an abort', async () => {
    await pause(1, undefined)
    await expect(pause(3_600_000, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})
