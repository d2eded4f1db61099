/** The scenarios of boxo's whole engine, each under the name that it has there. @see bitswap.md §5.2 */
import { settle, testBlock } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeMessage } from './wire/encode.ts'
import { PROTOCOL_120 } from './wire/constants.ts'
import { prefixOf, parseCid } from './cid/parse.ts'
import { blocksNamed, fetchAll, give, Scene, type ScenePeer, wantsAt, wantsOf } from './scene.fixture.ts'

let scene: Scene
beforeEach(() => {
  scene = new Scene()
})
afterEach(async () => {
  await scene.stop()
})

async function pair(): Promise<[ScenePeer, ScenePeer]> {
  const [a, b] = [await scene.peer(), await scene.peer()]
  await scene.connect(a, b)
  return [a, b]
}

async function three(): Promise<[ScenePeer, ScenePeer, ScenePeer]> {
  const [a, b, c] = [await scene.peer(), await scene.peer(), await scene.peer()]
  await scene.connect(a, b, c)
  return [a, b, c]
}

/** A block goes from one peer to the other without being wanted. */
async function push(from: ScenePeer, to: ScenePeer, block: { cid: CID; bytes: Uint8Array }): Promise<void> {
  const wire = parseCid(block.cid.bytes)
  const [connection] = from.host.getConnections(to.host.peerId)
  if (wire === undefined || connection === undefined) throw new Error('not connected')
  const stream = await connection.newStream(PROTOCOL_120)
  const body = encodeMessage({ blocks: [{ prefix: prefixOf(wire), data: block.bytes }] }).subarray()
  stream.send(Uint8Array.of(body.length, ...body))
  await settle()
}

describe('bitswap_test.go', () => {
  it('Close: a get after the stop fails', async () => {
    const { bitswap } = await scene.peer()
    await bitswap.stop()
    await expect(bitswap.want(testBlock('one').cid)).rejects.toMatchObject({ code: 'BITSWAP_NOT_STARTED' })
  })

  it('ProviderForKeyButNetworkCannotFind: a provider that nobody reaches is no failure; only the deadline ends it', async () => {
    const [a, b] = [await scene.peer(), await scene.peer()]
    const one = testBlock('one')
    await give(a, one)
    scene.swarm.unreachable.add(a.host.peerId.toString())
    const options = { providers: [a.host.peerId], signal: scene.deadline(60_000) }
    const ended = expect(b.bitswap.want(one.cid, options)).rejects.toThrow('deadline')
    await scene.clock.advance(59_999)
    expect(wantsOf(b)).toEqual([one.cid.toString()])
    await scene.clock.advance(1)
    await ended
  })

  it('GetBlockFromPeerAfterPeerAnnounces', async () => {
    const [a, b] = await pair()
    const one = testBlock('one')
    await give(a, one)
    expect(await b.bitswap.want(one.cid)).toEqual(one.bytes)
  })

  it('DoesNotProvideWhenConfiguredNotTo: a session without peers ends with its deadline', async () => {
    const [a, b] = [await scene.peer(), await scene.peer()]
    const one = testBlock('one')
    await give(a, one)
    const session = b.bitswap.createSession()
    const ended = expect(session.want(one.cid, { signal: scene.deadline(500) })).rejects.toThrow('deadline')
    await scene.clock.advance(500)
    await ended
    expect(wantsOf(b)).toEqual([])
  })

  it('UnwantedBlockNotAdded: a block that nobody asked for goes nowhere', async () => {
    const [a, b] = await pair()
    const one = testBlock('one')
    const seen: unknown[] = []
    b.bitswap.addEventListener('block:received', ({ detail }) => seen.push(detail))
    await push(a, b, one)
    expect(b.blocks.count).toBe(0)
    expect(b.bitswap.stat()).toMatchObject({ messagesReceived: 1, blocksReceived: 0 })
    expect(seen).toEqual([])
  })

  it('PendingBlockAdded: a wanted block that an asked peer sends on its own is taken', async () => {
    const [a, b] = await pair()
    const wanted = blocksNamed('wanted', 5)
    const got = wanted.map(({ cid }) => b.bitswap.want(cid))
    await settle()
    expect(wantsAt(a, b).length).toBe(5)
    const last = wanted.at(-1)
    if (last === undefined) throw new Error('no block')
    await push(a, b, last)
    expect(await got.at(-1)).toEqual(last.bytes)
    expect(wantsOf(b).length).toBe(4)
    const ended = expect(Promise.all(got)).rejects.toMatchObject({ code: 'BITSWAP_STOPPED' })
    await b.bitswap.stop()
    await ended
    await Promise.allSettled(got)
  })

  it('PendingBlockAdded, adapted: not from a peer that was never asked', async () => {
    const [a, b] = await pair()
    const stranger = await scene.peer()
    const one = testBlock('one')
    const session = b.bitswap.createSession({ fixedPeers: true, providers: [a.host.peerId] })
    const got = session.want(one.cid)
    await settle()
    await scene.connect(stranger, b)
    await push(stranger, b, one)
    expect(wantsOf(b)).toEqual([one.cid.toString()])
    await push(a, b, one)
    expect(await got).toEqual(one.bytes)
  })

  it('LargeSwarm: 100 peers that know 5 each pass 2 blocks on until all have them', async () => {
    const peers = await scene.mesh(100, 5)
    const [seed, ...others] = peers
    const wanted = blocksNamed('large', 2)
    if (seed === undefined) throw new Error('no peer')
    await give(seed, ...wanted)
    const counts = Promise.all(
      others.map(async (peer) => {
        const count = await fetchAll(peer, wanted)
        await give(peer, ...wanted)
        return count
      })
    )
    expect(await scene.during(counts)).toEqual(others.map(() => 2))
  })

  it.each([
    ['LargeFile', 10],
    ['LargeFileTwoPeers', 2]
  ])('%s: %d peers, 100 blocks', async (_, count) => {
    const [seed, ...others] = await scene.mesh(count)
    const wanted = blocksNamed('file', 100)
    if (seed === undefined) throw new Error('no peer')
    await give(seed, ...wanted)
    const counts = Promise.all(others.map((peer) => fetchAll(peer, wanted)))
    expect(await scene.during(counts)).toEqual(others.map(() => 100))
    expect(seed.bitswap.stat().blocksReceived).toBe(0)
  })

  it('SendToWantingPeer: what is stored later comes without being asked for again', async () => {
    const [a, b] = await pair()
    const one = testBlock('one')
    const got = a.bitswap.want(one.cid)
    await settle()
    const sent = a.bitswap.stat().messagesSent
    await give(b, one)
    expect(await got).toEqual(one.bytes)
    expect(a.bitswap.stat().messagesSent).toBe(sent)
  })

  it('EmptyKey: no CID is no want', async () => {
    const { bitswap } = await scene.peer()
    await expect(bitswap.want(undefined as never)).rejects.toMatchObject({ code: 'BITSWAP_INVALID_CID' })
  })

  it('BasicBitswap: the third peer forgets the want, and everybody has counted right', async () => {
    const [a, b, c] = await three()
    const one = testBlock('one')
    await give(a, one)
    expect(await b.bitswap.want(one.cid)).toEqual(one.bytes)
    await scene.clock.advance(100)
    expect([wantsAt(c, b), wantsAt(a, b), wantsOf(b)]).toEqual([[], [], []])
    const size = one.bytes.length
    expect(a.bitswap.stat()).toMatchObject({ blocksSent: 1, dataSent: size, blocksReceived: 0, dataReceived: 0 })
    expect(b.bitswap.stat()).toMatchObject({ blocksSent: 0, dataSent: 0, blocksReceived: 1, dataReceived: size })
    expect(c.bitswap.stat()).toMatchObject({ blocksSent: 0, dataSent: 0, blocksReceived: 0, dataReceived: 0 })
  })

  it('DoubleGet: of two callers for one block the first gives up, and the second gets it', async () => {
    const [a, b] = await pair()
    const one = testBlock('one')
    const abort = new AbortController()
    const first = b.bitswap.want(one.cid, abort)
    const second = b.bitswap.want(one.cid)
    await settle()
    abort.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    await give(a, one)
    expect(await second).toEqual(one.bytes)
  })

  it('WantlistCleanup: deadline, deadline of many, and cancel each take exactly their wants', async () => {
    const { bitswap } = await scene.peer()
    const wanted = blocksNamed('cleanup', 12)
    const [one, ...rest] = wanted
    if (one === undefined) throw new Error('no block')
    const first = expect(bitswap.want(one.cid, { signal: scene.deadline(50) })).rejects.toThrow('deadline')
    await scene.clock.advance(50)
    await first
    expect(wantsOf({ bitswap })).toEqual([])
    const all = (signal: AbortSignal): Promise<unknown> =>
      Promise.all(rest.map(({ cid }) => expect(bitswap.want(cid, { signal })).rejects.toThrow()))
    const many = all(scene.deadline(50))
    await scene.clock.advance(50)
    await many
    expect(wantsOf({ bitswap })).toEqual([])
    const abort = new AbortController()
    const kept = expect(bitswap.want(one.cid)).rejects.toMatchObject({ code: 'BITSWAP_STOPPED' })
    const cancelled = all(abort.signal)
    await settle()
    expect(wantsOf({ bitswap }).length).toBe(12)
    abort.abort(new Error('enough'))
    await cancelled
    expect(wantsOf({ bitswap })).toEqual([one.cid.toString()])
    await bitswap.stop()
    await kept
  })

  it('BitswapLedgerOneWay: what one sent the other received', async () => {
    const [a, b] = await pair()
    const one = testBlock('one')
    await give(a, one)
    await b.bitswap.want(one.cid)
    await settle()
    const [atA, atB] = [a.bitswap.ledgerForPeer(b.host.peerId), b.bitswap.ledgerForPeer(a.host.peerId)]
    expect(atA).toMatchObject({ sent: one.bytes.length, recv: 0, exchanged: 1, value: one.bytes.length })
    expect(atB).toMatchObject({ sent: 0, recv: one.bytes.length, exchanged: 1, value: 0 })
  })

  it('BitswapLedgerTwoWay: after a block each way both say the same', async () => {
    const [a, b] = await pair()
    const [one, two] = [testBlock('one'), testBlock('two')]
    await give(a, one)
    await give(b, two)
    await Promise.all([b.bitswap.want(one.cid), a.bitswap.want(two.cid)])
    await settle()
    const { peer: ofB, ...atA } = a.bitswap.ledgerForPeer(b.host.peerId)
    const { peer: ofA, ...atB } = b.bitswap.ledgerForPeer(a.host.peerId)
    expect(atA).toEqual(atB)
    expect(atA).toMatchObject({ sent: 3, recv: 3, exchanged: 2 })
    expect([ofA.equals(a.host.peerId), ofB.equals(b.host.peerId)]).toEqual([true, true])
  })

  it('WithServerDisabled: fetching works, others get nothing', async () => {
    const [a, b] = [await scene.peer(), await scene.peer({ server: false })]
    await scene.connect(a, b)
    const [one, two] = [testBlock('one'), testBlock('two')]
    await give(a, one)
    await give(b, two)
    expect(await b.bitswap.want(one.cid)).toEqual(one.bytes)
    const ended = expect(a.bitswap.want(two.cid, { signal: scene.deadline(9000) })).rejects.toThrow('deadline')
    await scene.clock.advance(9000)
    await ended
    expect(b.bitswap.stat()).toMatchObject({ blocksSent: 0, dataSent: 0 })
  })

  it('ServerDisabledNotifyNewBlocks: an announcement is no failure without a server', async () => {
    const { bitswap } = await scene.peer({ server: false })
    const one = testBlock('one')
    await bitswap.notifyMany([one])
    const got = bitswap.want(one.cid)
    await settle()
    await bitswap.notify(one.cid, one.bytes)
    expect(await got).toEqual(one.bytes)
  })
})

it('leaves no timer behind when all have stopped', async () => {
  const peers = await scene.mesh(3)
  const [seed, other] = peers
  const one = testBlock('one')
  if (seed === undefined || other === undefined) throw new Error('no peer')
  await give(seed, one)
  await other.bitswap.want(one.cid)
  expect(await scene.stop()).toBe(0)
})
