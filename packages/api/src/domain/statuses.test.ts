import { describe, expect, it } from 'vitest'
import {
  IPFSPinStatus,
  ipfsPinStatusFromString,
  ipfsPinStatusToTrackerStatus,
  isIpfsPinned
} from './ipfs-pin-status.ts'
import { PinMode, pinDepthToMode, pinModeFromString, pinModeToDepth } from './pin-mode.ts'
import { PinType, pinTypeFromString, pinTypeToString } from './pin-type.ts'
import {
  TrackerStatus,
  trackerStatusFromString,
  trackerStatusMatches,
  trackerStatusToString
} from './tracker-status.ts'

describe('tracker statuses', () => {
  it.each(Object.values(TrackerStatus))('%d has a name that reads back', (status) => {
    expect(trackerStatusFromString(trackerStatusToString(status))).toBe(status)
  })

  it('of a union are all that share a bit, ascending', () => {
    expect(trackerStatusToString(TrackerStatus.pinError | TrackerStatus.pinned)).toBe('pin_error,error,pinned')
    expect(trackerStatusToString(1)).toBe('')
  })

  it('are read with spaces, and unknown names mean nothing', () => {
    expect(trackerStatusFromString('pinned, pin_ error,nonsense')).toBe(TrackerStatus.pinned | TrackerStatus.pinError)
    expect(trackerStatusFromString('')).toBe(0)
  })

  it('match a filter when they share a bit, and 0 matches on both sides', () => {
    expect(trackerStatusMatches(TrackerStatus.pinError, TrackerStatus.error)).toBe(true)
    expect(trackerStatusMatches(TrackerStatus.pinned, TrackerStatus.error)).toBe(false)
    expect(trackerStatusMatches(0, TrackerStatus.error)).toBe(true)
    expect(trackerStatusMatches(TrackerStatus.pinned, 0)).toBe(true)
  })
})

describe('pin types and modes', () => {
  it('have the names of the reference', () => {
    expect([2, 4, 8, 16, 30, 1, 0, 32].map(pinTypeToString)).toEqual([
      'pin',
      'meta-pin',
      'clusterdag-pin',
      'shard-pin',
      'all',
      'bad-type',
      'bad-type',
      'bad-type'
    ])
    expect(pinTypeFromString('')).toBe(PinType.all)
    expect(pinTypeFromString('nonsense')).toBe(PinType.bad)
  })

  it('turn into depths and back; a shard reads back as recursive', () => {
    expect([pinModeToDepth(PinMode.recursive), pinModeToDepth(PinMode.direct)]).toEqual([-1, 0])
    expect([-1, 0, 1].map(pinDepthToMode)).toEqual([PinMode.recursive, PinMode.direct, PinMode.recursive])
    expect(pinModeFromString('nonsense')).toBe(PinMode.recursive)
  })
})

describe('IPFS pin statuses', () => {
  it.each([
    ['recursive', IPFSPinStatus.recursive, TrackerStatus.pinned],
    ['indirect through Qm', IPFSPinStatus.indirect, TrackerStatus.unpinned],
    ['direct', IPFSPinStatus.direct, TrackerStatus.pinned],
    ['direct?', IPFSPinStatus.bug, TrackerStatus.undefined]
  ])('%s', (text, status, tracker) => {
    expect(ipfsPinStatusFromString(text)).toBe(status)
    expect(ipfsPinStatusToTrackerStatus(status)).toBe(tracker)
  })

  it('fulfil a pin of their depth only', () => {
    expect(isIpfsPinned(IPFSPinStatus.recursive, -1)).toBe(true)
    expect(isIpfsPinned(IPFSPinStatus.recursive, 1)).toBe(true)
    expect(isIpfsPinned(IPFSPinStatus.direct, 0)).toBe(true)
    expect(isIpfsPinned(IPFSPinStatus.recursive, 0)).toBe(false)
    expect(isIpfsPinned(IPFSPinStatus.direct, -1)).toBe(false)
  })
})
