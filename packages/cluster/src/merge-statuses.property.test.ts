import { ClusterError, comparePinsetOrder, pinsetKey, TrackerStatus, type PinInfo } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { memoryScratch } from './memory-scratch.fixture.ts'
import { mergeStatuses } from './merge-statuses.ts'
import type { Scratch } from './scratch.ts'
import { sortedOnDisk } from './sort-on-disk.ts'
import { inOrder, sorted, type KeyedStatus } from './status-stream.ts'

const RAW = 0x55
const SHA2_256 = 0x12
const cidOf = (seed: number): CID => {
  const digest = new Uint8Array(32).fill(seed & 255)
  digest[0] = (seed * 37) & 255
  return CID.createV1(RAW, create(SHA2_256, digest))
}
const infoOf = (peer: number, seed: number): PinInfo => ({
  cid: cidOf(seed),
  name: `pin ${seed}`,
  peer: testPeerId(peer),
  peername: `peer_${peer}`,
  ipfsPeerId: undefined,
  ipfsPeerAddresses: undefined,
  allocations: undefined,
  origins: undefined,
  created: undefined,
  metadata: undefined,
  status: TrackerStatus.pinned,
  timestamp: 0n,
  error: '',
  attemptCount: 0,
  priorityPin: false
})
const failed = (peer: PinInfo['peer'], { cid }: { cid: CID }, error: ClusterError): PinInfo => ({
  ...infoOf(0, 0),
  cid,
  peer,
  status: TrackerStatus.clusterError,
  error: error.message
})
const keyed = async function* (items: readonly PinInfo[], failure?: ClusterError): AsyncGenerator<KeyedStatus> {
  for await (const info of from(items, failure)) yield { key: pinsetKey(info.cid), info }
}
async function* from<T>(items: readonly T[], failure?: ClusterError): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item)
  if (failure !== undefined) throw failure
}
const seedsOfPeers = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 5 })
const keysOf = (seeds: Iterable<number>): string[] => [...new Set(seeds)].map((seed) => pinsetKey(cidOf(seed))).sort()

describe('sorting on disk', () => {
  it('gives every item once, in pinset order, whatever order it came in, and leaves no file open', async () => {
    const shapes = fc.tuple(fc.array(fc.nat(255), { maxLength: 200 }), fc.integer({ min: 1, max: 30 }), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(shapes, async ([seeds, runItems, after]) => {
        const scratch = memoryScratch()
        const answer = from(seeds.map((seed) => infoOf(1, seed)))
        const afterKey = pinsetKey(cidOf(after))
        const items = await Array.fromAsync(sortedOnDisk(answer, afterKey, scratch, { runItems }))
        expect(items.map(({ key }) => key)).toEqual(keysOf(seeds).filter((key) => key > afterKey))
        for (const { key, info } of items) expect(pinsetKey(info.cid)).toBe(key)
        expect(scratch.open()).toBe(0)
      })
    )
  })

  it('fails before the first item when the answer fails, and can be broken off', async () => {
    const scratch = memoryScratch()
    const infos = Array.from({ length: 50 }, (_, seed) => infoOf(1, seed))
    const failing = sortedOnDisk(from(infos, new ClusterError('TIMEOUT', 'half')), '', scratch, { runItems: 8 })
    await expect(failing.next()).rejects.toThrow('half')
    for await (const { info } of sortedOnDisk(from(infos), '', scratch, { runItems: 8 })) {
      expect(info.name).not.toBe('')
      break
    }
    expect([scratch.open(), scratch.written() > 0]).toEqual([0, true])
  })

  it('notices a file that lost its end', async () => {
    const whole = memoryScratch()
    const cut: Scratch = {
      async create() {
        const file = await whole.create()
        return { ...file, read: async (at, length) => (at > 500 ? new Uint8Array(0) : await file.read(at, length)) }
      }
    }
    const infos = Array.from({ length: 900 }, (_, seed) => infoOf(1, seed % 256))
    await expect(Array.fromAsync(sortedOnDisk(from(infos), '', cut, { runItems: 100 }))).rejects.toMatchObject({
      code: 'STORAGE'
    })
  })
})

describe('merging statuses', () => {
  it('gives each CID once, in pinset order, with what every peer says of it', async () => {
    await fc.assert(
      fc.asyncProperty(seedsOfPeers, fc.integer({ min: 1, max: 40 }), async (peers, window) => {
        const streams = peers.map((seeds, peer) => {
          const answer = (): AsyncGenerator<PinInfo> => from(seeds.map((seed) => infoOf(peer, seed)))
          return { peer: testPeerId(peer), items: sorted(answer, '', window) }
        })
        const merged = (await Array.fromAsync(mergeStatuses(streams, { failed }))).flat()
        expect(merged.map(({ cid }) => pinsetKey(cid))).toEqual(keysOf(peers.flat()))
        for (const { cid, peerMap } of merged) {
          const holders = peers.flatMap((seeds, peer) =>
            seeds.some((seed) => cidOf(seed).equals(cid)) ? [testPeerId(peer).toString()] : []
          )
          expect([...(peerMap?.keys() ?? [])]).toEqual(holders)
        }
      }),
      { numRuns: 100 }
    )
  })

  it('begins after a key and ends at a limit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1 }),
        fc.nat(255),
        fc.integer({ min: 1, max: 30 }),
        async (seeds, after, limit) => {
          const afterKey = pinsetKey(cidOf(after))
          const answer = (): AsyncGenerator<PinInfo> => from(seeds.map((seed) => infoOf(0, seed)))
          const streams = [{ peer: testPeerId(0), items: sorted(answer, afterKey, 8) }]
          const merged = (await Array.fromAsync(mergeStatuses(streams, { failed, limit }))).flat()
          const expected = keysOf(seeds).filter((key) => key > afterKey)
          expect(merged.map(({ cid }) => pinsetKey(cid))).toEqual(expected.slice(0, limit))
        }
      ),
      { numRuns: 100 }
    )
  })

  it('asks again instead of remembering more than it may', async () => {
    let asked = 0
    const answer = (): AsyncGenerator<PinInfo> => {
      asked += 1
      return from(Array.from({ length: 100 }, (_, seed) => infoOf(0, seed)))
    }
    const items = await Array.fromAsync(sorted(answer, '', 25))
    const cids = items.map(({ info }) => info.cid)
    expect(cids).toEqual(cids.toSorted(comparePinsetOrder))
    expect([items.length, asked]).toEqual([100, 4])
  })

  it('counts a peer as failed from where it fell silent', async () => {
    const [first, second] = [1, 2].sort((a, b) => comparePinsetOrder(cidOf(a), cidOf(b))) as [number, number]
    const broken = new ClusterError('PEER_UNREACHABLE', 'stream reset')
    const streams = [
      { peer: testPeerId(0), items: keyed([infoOf(0, first), infoOf(0, second)]) },
      { peer: testPeerId(1), items: keyed([infoOf(1, first)], broken) },
      { peer: testPeerId(2), items: keyed([], new ClusterError('UNAUTHORIZED', 'no')) }
    ]
    const merged = (await Array.fromAsync(mergeStatuses(streams, { failed }))).flat()
    const errors = merged.map(({ peerMap }) => [...(peerMap?.values() ?? [])].map(({ error }) => error))
    expect(errors).toEqual([
      ['', ''],
      ['', 'stream reset']
    ])
    expect(merged.map(({ name }) => name)).toEqual([`pin ${first}`, `pin ${second}`])
  })

  it('refuses an answer that is not in the order it was promised in', async () => {
    const [first, second] = [1, 2].sort((a, b) => comparePinsetOrder(cidOf(a), cidOf(b))) as [number, number]
    const items = Array.fromAsync(inOrder(from([infoOf(0, second), infoOf(0, first)]), ''))
    await expect(items).rejects.toMatchObject({ code: 'CORRUPT' })
  })
})
