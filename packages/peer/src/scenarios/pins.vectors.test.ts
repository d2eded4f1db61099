import { TrackerStatus } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { comparable, recorded, recordedValue, recordedListing, type ShownStatus } from './recorded.fixture.ts'
import { absentContent, factors, ThreePeers } from './three-peers.fixture.ts'

/** For the start and the end of three peers on a machine that does other things, too. */
const PATIENCE_MS = 240_000

describe('recorded scenarios of pins, by three peers', { timeout: PATIENCE_MS }, () => {
  let three: ThreePeers
  beforeAll(async () => {
    three = await ThreePeers.start()
  }, PATIENCE_MS)
  afterAll(async () => {
    await three[Symbol.asyncDispose]()
  }, PATIENCE_MS)

  /** What `recoverAll` acted on. */
  const recoveredAt = async (index: number, cid: CID): Promise<unknown> => {
    const all = (await Array.fromAsync(three.peer(index).cluster.statuses.recoverAll({}))).flat()
    return all.filter((info) => info.cid.equals(cid))
  }

  it('a pin that was removed from a daemon', async () => {
    const cid = await three.content('A')
    await three.pin(0, cid)
    await three.reaches(() => three.status(0, cid), recorded('recover-cid-after', 'A'))
    three.kubo(1).pins.delete(cid.toString())
    await three.reaches(() => three.status(0, cid), recorded('removed-from-kubo', 'A'))
    await three.reaches(() => three.listed(0, cid), recordedListing('removed-from-kubo', 'all_A'))
    const { peer1, ...others } = three.shown(await three.peer(0).cluster.statuses.recover(cid, {}))
    const { peer1: queued, ...pinned } = recorded('recover-cid', 'A')
    expect(others).toEqual(pinned)
    // The answer of the reference is that of the moment when it was queued; work may be faster than the answer.
    expect([queued?.[0], 'pinning', 'pinned']).toContain(peer1?.[0])
    await three.reaches(() => three.status(0, cid), recorded('recover-cid-after', 'A'))
    await three.reaches(() => three.listed(0, cid), recorded('recover-cid-after', 'A'))
  })

  it('a pin that a daemon only holds as part of another', async () => {
    const child = await three.content('child')
    const parent = await absentContent('parent')
    for (const { kubo } of three.peers) kubo.provide([{ cid: parent, bytes: nodeWithLink(child) }])
    for (const cid of [parent, child]) await three.pin(0, cid)
    for (const cid of [parent, child]) {
      await three.reaches(() => three.status(0, cid), recorded('recover-cid-after', 'A'))
    }
    three.kubo(1).pins.delete(child.toString())
    await three.reaches(() => three.status(0, child), recorded('indirect', 'child'))
    await three.reaches(() => three.listed(0, child), recordedListing('indirect', 'all_child'))
    await three.reaches(() => three.status(0, parent), recorded('recover-cid-after', 'A'))
  })

  it('a recursive pin of what is pinned directly', async () => {
    const cid = await three.content('F')
    for (const { kubo } of three.peers) kubo.pins.set(cid.toString(), 'direct')
    await three.pin(0, cid)
    await three.reaches(() => three.status(0, cid), recorded('recursive-wanted-direct-present', 'F'))
    await three.reaches(() => three.listed(0, cid), recordedListing('recursive-wanted-direct-present', 'all_F'))
    const [, kind = ''] = (recordedValue('recursive-wanted-direct-present', 'kubo') as string).trim().split(' ')
    for (const { kubo } of three.peers) expect(kubo.pins.get(cid.toString())).toBe(kind)
  })

  it('content that nobody has', async () => {
    const cid = await absentContent('X')
    const pin = await three.pin(0, cid, { ...factors(1, 1), userAllocations: [three.peer(2).id] })
    expect(three.holders(pin)).toEqual(recorded('absent-content', 'alloc'))
    await three.reaches(() => three.status(0, cid), recorded('absent-content', 'X'))
    await three.reaches(() => three.listed(0, cid), recordedListing('absent-content', 'all_X'))
    // The reference shows what is being pinned as missing as well.
    expect(Object.keys(recordedListing('absent-content', 'filter_unexpectedly'))).toEqual(['peer2'])
    expect(await three.listed(0, cid, TrackerStatus.unexpectedlyUnpinned)).toEqual({})
    await three.reaches(
      () => three.listed(0, cid, TrackerStatus.pinning),
      recordedListing('absent-content', 'filter_pinning')
    )
    await three.reaches(() => three.status(0, cid), recorded('absent-content-error', 'X'))
    for (const name of ['absent-recover-0', 'absent-recover-1']) {
      const { peer2 } = three.shown(await three.peer(0).cluster.statuses.recover(cid, {}))
      const [, , attempts] = recorded(name, 'running')['peer2'] as ShownStatus
      // Recorded were both: the answer may come before the run or after its start.
      expect(['pin_queued', 'pinning']).toContain(recorded(name, 'answer')['peer2']?.[0])
      expect([
        ['pin_queued', attempts - 1],
        ['pinning', attempts]
      ]).toContainEqual([peer2?.[0], peer2?.[2]])
      await three.reaches(() => three.status(0, cid), recorded(name, 'running'))
      await three.reaches(() => three.status(0, cid), recorded(name, 'after'))
    }
    await three.peer(0).cluster.pins.unpin(cid, {})
    await three.reaches(() => three.status(0, cid), recorded('absent-removed', 'X'))
  })

  it('a pin that is removed while it is being pinned', async () => {
    const cid = await absentContent('removed')
    await three.pin(0, cid)
    await three.reaches(() => three.status(0, cid), recorded('removed-while-pinning', 'before'))
    await three.peer(0).cluster.pins.unpin(cid, {})
    await three.reaches(() => three.status(0, cid), recorded('removed-while-pinning', 'after'))
    for (const { kubo } of three.peers) expect(kubo.pins.has(cid.toString())).toBe(false)
  })

  it('a direct pin, which becomes recursive', async () => {
    const cid = await three.content('D')
    await three.pin(0, cid, { mode: 1 })
    await three.reaches(() => three.status(0, cid), recorded('direct', 'D'))
    // The reference lists direct pins as missing, and recovers them again and again.
    expect(recordedListing('direct', 'all_D')['peer0']?.[0]).toBe('unexpectedly_unpinned')
    expect(recordedListing('direct-recover-all', 'result')['peer2']?.[0]).toBe('pin_queued')
    await three.reaches(() => three.listed(0, cid), recorded('direct', 'D'))
    await three.reaches(() => three.listed(0, cid, TrackerStatus.pinned), recorded('direct', 'D'))
    expect(await three.listed(0, cid, TrackerStatus.unexpectedlyUnpinned)).toEqual({})
    expect(await recoveredAt(0, cid)).toEqual([])
    await three.reaches(() => three.status(0, cid), recorded('direct-after-recover', 'D'))
    for (const { kubo } of three.peers) expect(kubo.pins.get(cid.toString())).toBe('direct')
    await three.pin(0, cid)
    await three.reaches(() => three.status(0, cid), recorded('direct-to-recursive', 'D'))
    await three.reaches(() => three.listed(0, cid), recordedListing('direct-to-recursive', 'all_D'))
    for (const { kubo } of three.peers) expect(kubo.pins.get(cid.toString())).toBe('recursive')
  })

  it('a direct pin of what is pinned recursively', async () => {
    const cid = await three.content('E')
    for (const { kubo } of three.peers) kubo.pins.set(cid.toString(), 'recursive')
    await three.pin(0, cid, { mode: 1 })
    // The reference fails for ever where more is pinned than was asked for.
    expect(recorded('direct-wanted-recursive-present', 'E')['peer0']?.[0]).toBe('pin_error')
    await three.reaches(() => three.status(0, cid), recorded('recover-cid-after', 'A'))
    await three.peer(0).cluster.pins.unpin(cid, {})
  })

  it('a pin that fails after it had made progress', async () => {
    const cid = await absentContent('undecodable')
    const answer = recordedValue('pin-fails-after-progress', 'kubo_answer') as string
    const lines = [...answer.matchAll(/^\{.*\}$/gm)].map(String)
    const [, trailer = ''] = /^X-Stream-Error: (.+?)\r?$/m.exec(answer) ?? []
    expect([lines.length, trailer]).toEqual([3, 'pin: invalid majorByte: 0xff'])
    const appeared = Promise.withResolvers<undefined>()
    three.kubo(0).script('pin/add', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', trailer: 'X-Stream-Error' })
      for (const line of lines) response.write(`${line}\n`)
      void appeared.promise.then(() => {
        response.addTrailers({ 'x-stream-error': trailer })
        response.end()
      })
    })
    await three.pin(0, cid, { ...factors(1, 1), userAllocations: [three.peer(0).id] })
    await three.reaches(() => three.status(0, cid), recorded('pin-fails-after-progress', 'before'))
    appeared.resolve(undefined)
    // The reference takes it for pinned, and finds out later that it is not; the pin is one of those that fail.
    const { peer0, ...others } = recorded('pin-fails-after-progress', 'after')
    expect(peer0?.[0]).toBe('unexpectedly_unpinned')
    await three.reaches(() => three.status(0, cid), { ...others, peer0: ['pin_error', trailer, 1, true] })
    await three.reaches(() => three.listed(0, cid), { ...others, peer0: ['pin_error', trailer, 1, true] })
    expect((await three.status(0, cid))['peer0']?.[1]).toContain(trailer)
    three.kubo(0).script('pin/add', undefined)
  })

  it('compares what matters', () => {
    const [a, b] = [recorded('removed-from-kubo', 'A'), recorded('recover-cid-after', 'A')]
    expect(comparable(a)).not.toEqual(comparable(b))
  })
})

/** A dag-pb node with one link. */
function nodeWithLink({ bytes }: CID): Uint8Array {
  const link = Uint8Array.from([0x0a, bytes.length, ...bytes, 0x12, 0, 0x18, 0])
  return Uint8Array.from([0x12, link.length, ...link])
}
