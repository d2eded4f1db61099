/** The scenarios of boxo's sessions with whole engines, each under the name that it has there. @see bitswap.md §5.2 */
import { settle, testBlock } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blocksNamed, give, Scene, type ScenePeer, wantsAt, wantsOf } from './scene.fixture.ts'

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

describe('bitswap_with_sessions_test.go', () => {
  it('BasicSessions: a block names the peer that it came from', async () => {
    const [a, b] = await pair()
    const one = testBlock('one')
    await give(a, one)
    const { bytes, from } = await b.bitswap.createSession().wantBlock(one.cid)
    expect([bytes, from?.equals(a.host.peerId)]).toEqual([one.bytes, true])
  })

  it('SessionBetweenPeers: those that have nothing to do with it hear little', async () => {
    const peers = await scene.mesh(10)
    const [has, wants, ...others] = peers
    if (has === undefined || wants === undefined) throw new Error('no peer')
    const all = blocksNamed('between', 101)
    await give(has, ...all)
    const session = wants.bitswap.createSession()
    await session.want(all[0]?.cid as CID)
    for (let at = 1; at < all.length; at += 10) {
      await Promise.all(all.slice(at, at + 10).map(({ cid }) => session.want(cid)))
    }
    await scene.clock.advance(100)
    for (const { bitswap } of others) expect(bitswap.stat().messagesReceived).toBeLessThanOrEqual(2)
    expect(wants.bitswap.stat()).toMatchObject({ blocksReceived: 101, dupBlksReceived: 0 })
  })

  it('SessionSplitFetch: 10 peers hold 10 blocks each, and each batch comes from its holder', async () => {
    const [wants, ...holders] = await scene.mesh(11)
    if (wants === undefined) throw new Error('no peer')
    const session = wants.bitswap.createSession()
    for (const [index, holder] of holders.entries()) {
      const batch = blocksNamed(`batch ${index}`, 10)
      await give(holder, ...batch)
      const got = await scene.during(Promise.all(batch.map(({ cid }) => session.wantBlock(cid))))
      for (const { from } of got) expect(from?.equals(holder.host.peerId)).toBe(true)
    }
  })

  it('InterestCacheOverflow: the first of 2049 wants is still delivered', async () => {
    const [a, b] = await pair()
    const all = blocksNamed('overflow', 2049)
    const session = a.bitswap.createSession()
    const got = all.map(({ cid }) => session.want(cid))
    await settle()
    const [first] = all
    if (first === undefined) throw new Error('no block')
    await give(b, first)
    expect(await got[0]).toEqual(first.bytes)
    session.close()
    await Promise.allSettled(got)
  })

  it('PutAfterSessionCacheEvict: with 2499 wants, a block that is put in here is delivered', async () => {
    const [a] = await pair()
    const all = blocksNamed('evict', 2499)
    const session = a.bitswap.createSession()
    const got = all.map(({ cid }) => session.want(cid))
    await settle()
    const [first] = all
    if (first === undefined) throw new Error('no block')
    await give(a, first)
    expect(await got[0]).toEqual(first.bytes)
    session.close()
    await Promise.allSettled(got)
  })

  it('MultipleSessions: of two sessions for one block the first ends, and the second gets it', async () => {
    const [a, b] = await pair()
    const one = testBlock('one')
    const [first, second] = [a.bitswap.createSession(), a.bitswap.createSession()]
    const ended = expect(first.want(one.cid)).rejects.toMatchObject({ code: 'BITSWAP_SESSION_CLOSED' })
    const got = second.want(one.cid)
    await settle()
    first.close()
    await ended
    await give(b, one)
    expect(await got).toEqual(one.bytes)
  })

  it('WantlistClearsOnCancel: nothing is wanted after the signal of the session', async () => {
    const [a, b] = await pair()
    const abort = new AbortController()
    const session = a.bitswap.createSession({ signal: abort.signal })
    const got = blocksNamed('cancel', 10).map(({ cid }) => session.want(cid))
    await settle()
    abort.abort(new Error('enough'))
    for (const one of got) await expect(one).rejects.toThrow('enough')
    expect(wantsOf(a)).toEqual([])
    await scene.clock.advance(100)
    expect(wantsAt(b, a)).toEqual([])
  })

  it('FetchNotConnected: a provider that was named is dialed, and delivers', async () => {
    const [a, b] = [await scene.peer(), await scene.peer()]
    const all = blocksNamed('far', 10)
    await give(a, ...all)
    const session = b.bitswap.createSession({ providers: [a.host.peerId] })
    const got = await Promise.all(all.map(({ cid }) => session.want(cid)))
    expect(got).toEqual(all.map(({ bytes }) => bytes))
  })

  it('FetchAfterDisconnect: what was left when the connection broke comes when there is one again', async () => {
    const [a, b] = await pair()
    const all = blocksNamed('broken', 10)
    const [early, late] = [all.slice(0, 5), all.slice(5)]
    await give(a, ...early)
    const session = b.bitswap.createSession()
    for (const { cid, bytes } of early) expect(await session.want(cid)).toEqual(bytes)
    a.host.hangUp(b.host.peerId)
    await a.blocks.put(late)
    const got = late.map(({ cid }) => session.want(cid))
    await scene.clock.advance(1000)
    expect(wantsOf(b).length).toBe(5)
    await scene.connect(a, b)
    expect(await Promise.all(got)).toEqual(late.map(({ bytes }) => bytes))
  })

  it('DontHaveTimeoutConfig: silence is waited for as long as it was configured', async () => {
    const mute = await scene.peer({ server: false })
    const asker = await scene.peer({ client: { dontHaveTimeout: { initialMs: 700 } } })
    await scene.connect(mute, asker)
    const one = testBlock('one')
    const got = asker.bitswap.want(one.cid)
    await settle()
    const types = (): string[] => [...asker.bitswap.wantlist()].map(({ type }) => type)
    await scene.clock.advance(600)
    expect(types()).toEqual(['block'])
    await scene.clock.advance(200)
    expect(types()).toEqual(['have'])
    await asker.bitswap.notify(one.cid, one.bytes)
    expect(await got).toEqual(one.bytes)
  })
})
