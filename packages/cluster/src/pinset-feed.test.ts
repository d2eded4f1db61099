import { pinOf, type PinsetChange } from '@cluster/api'
import {
  MemoryConsensus,
  MemoryIpfs,
  MemoryPinset,
  MemoryTracker,
  settle,
  testContext,
  testPeerId
} from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { feedPinset } from './pinset-feed.ts'

const cid = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')

it('hands changes over, and everything again after a failure', async () => {
  const context = testContext()
  const pinset = new MemoryPinset()
  const consensus = new MemoryConsensus(pinset, context)
  const ipfs = new MemoryIpfs(testPeerId(1))
  const tracker = new MemoryTracker({ ...context, pinset, ipfs })
  const applied: string[] = []
  let fails = false
  const apply = tracker.apply.bind(tracker)
  tracker.apply = async (changes) => {
    if (fails) throw new Error('full')
    applied.push(changes.map(({ type }) => type).join())
    await apply(changes)
  }
  const end = new AbortController()
  const seen: PinsetChange[] = []
  const feeding = feedPinset({ ...context, consensus, tracker }, (change) => seen.push(change), end.signal)
  await settle()
  pinset.apply([{ type: 'pin', pin: pinOf(cid) }])
  await settle()
  expect(applied).toEqual(['resync', 'pin'])
  expect(seen.map(({ type }) => type)).toEqual(['resync', 'pin'])
  fails = true
  pinset.apply([{ type: 'unpin', cid }])
  await settle()
  fails = false
  await context.clock.advance(1_000)
  expect(applied).toEqual(['resync', 'pin', 'resync', 'resync'])
  end.abort()
  await feeding
  expect(context.clock.pending).toBe(0)
})
