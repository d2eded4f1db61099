import {
  itemsOf,
  pinOf,
  pinsetKey,
  PinType,
  type BlockExchange,
  type Consensus,
  type Network,
  type PeerDatastore,
  type PeerMonitor,
  type Pin,
  type PinsetChange,
  type PinsetOperation
} from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryDatastore } from './memory-datastore.ts'
import { MemoryExchangeHub } from './memory-exchange.ts'
import { MemoryGossip } from './memory-gossip.ts'
import { MemoryMetrics } from './memory-monitor.ts'
import { testCid } from './test-cid.ts'
import { testContext, type TestContext } from './test-context.ts'
import { testPeerId } from './test-peer-id.ts'

/** What a consensus under test is created with. */
export type ConsensusTestContext = TestContext & {
  readonly datastore: PeerDatastore
  readonly exchange: BlockExchange
  readonly network: Pick<Network, 'subscribe' | 'keep'>
  readonly monitor: PeerMonitor
}

/**
 * What every {@link Consensus} of one peer must do. Call it at the top of a test file.
 *
 * @param create - gives a new consensus, not started, on each call; changes must be visible when `commit` returns
 */
export function consensusConformance(name: string, create: (context: ConsensusTestContext) => Consensus): void {
  describe(`${name} as Consensus`, () => {
    const self = testPeerId(1)
    let context: ConsensusTestContext
    let running: Consensus[]
    let consensus: Consensus

    async function start(): Promise<Consensus> {
      const started = create(context)
      running.push(started)
      await started.beforeStart?.({})
      await started.start?.({})
      await started.ready({})
      return started
    }
    async function restart(): Promise<Consensus> {
      for (const each of running.splice(0)) await each.stop?.({})
      // the blocks of the old one are not mounted any more
      consensus = await start()
      return consensus
    }
    const pin = (cid: CID, over: Partial<Pin> = {}): PinsetOperation => ({
      type: 'pin',
      pin: { ...pinOf(cid, { name: 'a pin', replicationFactorMin: -1, replicationFactorMax: -1 }), ...over }
    })
    const unpin = (cid: CID): PinsetOperation => ({ type: 'unpin', cid })
    async function pinned(options: { after?: CID; limit?: number } = {}): Promise<string[]> {
      const cids: string[] = []
      for await (const each of itemsOf(consensus.pinset.list(options))) cids.push(each.cid.toString())
      return cids
    }
    const inOrder = (cids: readonly CID[]): CID[] => [...cids].sort((a, b) => (pinsetKey(a) < pinsetKey(b) ? -1 : 1))

    beforeEach(async () => {
      const base = testContext({ self })
      context = {
        ...base,
        datastore: new MemoryDatastore(),
        exchange: new MemoryExchangeHub().join(self),
        network: { ...new MemoryGossip().join(self), keep: () => Promise.resolve() },
        monitor: new MemoryMetrics(base.clock).join(self)
      }
      running = []
      consensus = await start()
    })
    afterEach(async () => {
      for (const each of running) await each.stop?.({})
      expect((context as TestContext).clock.pending).toBe(0)
      expect(context.fatals).toEqual([])
    })

    it('stops twice, and takes nothing afterwards', async () => {
      await consensus.stop?.({})
      await consensus.stop?.({})
      const [error] = await consensus.commit([pin(testCid(1))], {})
      expect(error?.code).toBe('STOPPED')
      await expect(consensus.ready({})).rejects.toMatchObject({ code: 'STOPPED' })
    })

    it('stops without having been started', async () => {
      const never = create(context)
      await never.stop?.({})
      await never.stop?.({})
    })

    it('has a pin when its commit returns, and not any more after its removal', async () => {
      expect(await consensus.commit([pin(testCid(1))], {})).toEqual([undefined])
      expect(await consensus.pinset.get(testCid(1), {})).toMatchObject({ name: 'a pin', type: PinType.data })
      expect(await consensus.commit([unpin(testCid(1))], {})).toEqual([undefined])
      expect(await consensus.pinset.get(testCid(1), {})).toBeUndefined()
    })

    it('removes what is not there without an error', async () => {
      expect(await consensus.commit([unpin(testCid(1))], {})).toEqual([undefined])
    })

    it('updates a pin in place', async () => {
      const shard = { type: PinType.shard, maxDepth: 1 } as const
      await consensus.commit([pin(testCid(1), shard)], {})
      await consensus.commit([pin(testCid(1), { ...shard, reference: testCid(2) })], {})
      expect(await pinned()).toEqual([testCid(1).toString()])
      expect((await consensus.pinset.get(testCid(1), {}))?.reference?.equals(testCid(2))).toBe(true)
    })

    it('takes many operations at once, in their order', async () => {
      const ops = [pin(testCid(1), { name: 'old' }), unpin(testCid(2)), pin(testCid(3)), unpin(testCid(3))]
      expect(await consensus.commit([...ops, pin(testCid(1), { name: 'new' })], {})).toEqual(
        Array.from({ length: 5 }, () => undefined)
      )
      expect(await pinned()).toEqual([testCid(1).toString()])
      expect((await consensus.pinset.get(testCid(1), {}))?.name).toBe('new')
      expect(await consensus.commit([], {})).toEqual([])
    })

    it('lists in pinset order, from a CID on, up to a limit, and ends with its signal', async () => {
      const cids = Array.from({ length: 20 }, (_, index) => testCid(index))
      await consensus.commit(
        cids.map((cid) => pin(cid)),
        {}
      )
      const sorted = inOrder(cids).map(String)
      expect(await pinned()).toEqual(sorted)
      const fifth = inOrder(cids)[4]
      if (fifth === undefined) throw new Error('no such CID')
      expect(await pinned({ after: fifth })).toEqual(sorted.slice(5))
      expect(await pinned({ after: fifth, limit: 3 })).toEqual(sorted.slice(5, 8))
      expect(await pinned({ limit: 0 })).toEqual([])
      const listing = consensus.pinset.list({ signal: AbortSignal.abort() })[Symbol.asyncIterator]()
      await expect(listing.next()).rejects.toThrow()
    })

    it('keeps the pinset over a restart', async () => {
      await consensus.commit([pin(testCid(1)), pin(testCid(2))], {})
      await consensus.commit([unpin(testCid(2))], {})
      await restart()
      expect(await pinned()).toEqual([testCid(1).toString()])
    })

    it('tells its reader to compare everything first, then what became of each pin', async () => {
      await consensus.commit([pin(testCid(1))], {})
      const controller = new AbortController()
      const feed = consensus.changes({ signal: controller.signal })[Symbol.asyncIterator]()
      const next = async (): Promise<readonly PinsetChange[]> => {
        const result = await feed.next()
        if (result.done === true) throw new Error('the feed ended')
        return result.value
      }
      expect(await next()).toEqual([{ type: 'resync' }])
      await consensus.commit([pin(testCid(2), { name: 'first' })], {})
      await consensus.commit([pin(testCid(2), { name: 'second' })], {})
      const told: PinsetChange[] = []
      while (!told.some((change) => change.type === 'pin' && change.pin.name === 'second')) told.push(...(await next()))
      await consensus.commit([unpin(testCid(1))], {})
      while (!told.some((change) => change.type === 'unpin')) told.push(...(await next()))
      expect(told.at(-1)).toMatchObject({ type: 'unpin' })
      const waiting = feed.next()
      controller.abort()
      await expect(waiting).rejects.toThrow()
    })

    it('ends the feed when it stops', async () => {
      const feed = consensus.changes({})[Symbol.asyncIterator]()
      await feed.next()
      const waiting = feed.next()
      await consensus.stop?.({})
      expect(await waiting).toMatchObject({ done: true })
    })

    it('makes readers and writers wait until it is ready, or until they give up', async () => {
      for (const each of running.splice(0)) await each.stop?.({})
      const early = create(context)
      running.push(early)
      const controller = new AbortController()
      const { signal } = controller
      const givenUp = [
        early.ready({ signal }),
        early.pinset.get(testCid(1), { signal }),
        early.commit([pin(testCid(1))], { signal })
      ]
      const waiting = early.pinset.get(testCid(2), {})
      controller.abort()
      for (const each of givenUp) await expect(each).rejects.toMatchObject({ code: 'ABORTED' })
      await early.beforeStart?.({})
      await early.start?.({})
      expect(await waiting).toBeUndefined()
    })

    it('counts itself as a member, and trusts itself', async () => {
      expect((await consensus.peers({})).some((peer) => peer.equals(self))).toBe(true)
      expect(consensus.isTrusted(self)).toBe(true)
      await consensus.waitForSync({})
    })

    it('forgets everything when it is cleaned after its stop', async () => {
      await consensus.commit([pin(testCid(1))], {})
      for (const each of running.splice(0)) {
        await each.stop?.({})
        await each.clean({})
      }
      consensus = await start()
      expect(await pinned()).toEqual([])
    })
  })
}
