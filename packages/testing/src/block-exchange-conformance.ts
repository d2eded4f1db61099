import type { Block, BlockExchange, BlockService } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryBlocks, testBlock } from './memory-blocks.ts'

/** Exchanges of several peers, each connected with each. */
export interface ExchangesUnderTest {
  readonly exchanges: readonly BlockExchange[]
  /** Stops the exchanges and what they stand on. */
  stop(): Promise<void>
}

interface Mounted {
  readonly exchange: BlockExchange
  readonly blocks: MemoryBlocks
  readonly service: BlockService
}

/**
 * What every {@link BlockExchange} must do. Call it at the top of a test file.
 *
 * @param create - gives so many started exchanges that reach each other
 */
export function blockExchangeConformance(name: string, create: (count: number) => Promise<ExchangesUnderTest>): void {
  describe(`${name} as BlockExchange`, () => {
    const running: ExchangesUnderTest[] = []
    afterEach(async () => {
      for (const one of running.splice(0)) await one.stop()
    })

    async function two(): Promise<[Mounted, Mounted]> {
      const made = await create(2)
      running.push(made)
      const [a, b] = made.exchanges
      if (a === undefined || b === undefined) throw new Error('two exchanges were asked for')
      return [mount(a), mount(b)]
    }

    it('gives what is in the mount', async () => {
      const [a] = await two()
      const one = testBlock('one')
      expect(await a.service.has(one.cid)).toBe(false)
      await a.service.put([one])
      expect(await a.service.has(one.cid)).toBe(true)
      expect(await a.service.get(one.cid)).toEqual(one.bytes)
      expect(await a.blocks.get(one.cid)).toEqual(one.bytes)
    })

    it('fetches what another peer has, and stores it', async () => {
      const [a, b] = await two()
      const one = testBlock('one')
      await a.service.put([one])
      expect(await b.service.has(one.cid)).toBe(false)
      expect(await b.service.get(one.cid)).toEqual(one.bytes)
      expect(await b.blocks.get(one.cid)).toEqual(one.bytes)
    })

    it('waits for a block that comes later, and gives it to all that wait', async () => {
      const [a, b] = await two()
      const one = testBlock('one')
      const waiting = [b.service.get(one.cid), b.service.get(one.cid), b.service.createSession().get(one.cid)]
      await a.service.put([one])
      for (const bytes of await Promise.all(waiting)) expect(bytes).toEqual(one.bytes)
    })

    it('gives a block that is put here to all who wait for it here, whatever their mount', async () => {
      const [, b] = await two()
      const one = testBlock('one')
      const other = b.exchange.mount('other', new MemoryBlocks())
      const waiting = [b.service.get(one.cid), other.get(one.cid)]
      await b.service.put([one])
      for (const bytes of await Promise.all(waiting)) expect(bytes).toEqual(one.bytes)
    })

    it('stops waiting when the caller does', async () => {
      const [, b] = await two()
      const abort = new AbortController()
      const one = testBlock('one')
      const waiting = b.service.get(one.cid, abort)
      const many = b.service.getMany([one.cid], abort).next()
      const rejected = Promise.all([expect(waiting).rejects.toThrow('enough'), expect(many).rejects.toThrow('enough')])
      abort.abort(new Error('enough'))
      await rejected
      await expect(b.service.get(one.cid, abort)).rejects.toThrow('enough')
    })

    it('fetches many blocks, those of the mount and those of others, each once', async () => {
      const [a, b] = await two()
      const all = Array.from({ length: 300 }, (_, i) =>
        testBlock(new Uint8Array(1 + (i % 7) * 1000).fill(i % 251).map(mark(i)))
      )
      await a.service.put(all.slice(0, 200))
      await b.service.put(all.slice(200))
      const session = b.service.createSession()
      const arrived = await collect(session.getMany(all.map(({ cid }) => cid)))
      session.close()
      expect(arrived.map(({ cid }) => cid.toString()).sort()).toEqual(all.map(({ cid }) => cid.toString()).sort())
      const wanted = new Map(all.map(({ cid, bytes }) => [cid.toString(), bytes]))
      for (const { cid, bytes } of arrived) expect(bytes).toEqual(wanted.get(cid.toString()))
      expect(b.blocks.count).toBe(a.blocks.count + 100)
    })

    it('pulls its input only as far as it must, and leaves it when the caller breaks off', async () => {
      const [a, b] = await two()
      const one = testBlock('one')
      await a.service.put([one])
      let pulled = 0
      const left = Promise.withResolvers<undefined>()
      async function* endless(): AsyncGenerator<CID> {
        try {
          for (;;) {
            await Promise.resolve()
            pulled += 1
            yield pulled === 1 ? one.cid : testBlock(`never ${pulled}`).cid
          }
        } finally {
          left.resolve(undefined)
        }
      }
      for await (const { cid } of b.service.getMany(endless())) {
        expect(cid.equals(one.cid)).toBe(true)
        break
      }
      await left.promise
      expect(pulled).toBeLessThan(10_000)
    })

    it('serves all mounts of a peer, by their order', async () => {
      const [a, b] = await two()
      const [one, second] = [testBlock('one'), testBlock('two')]
      const content = a.exchange.mount('content', new MemoryBlocks())
      await a.service.put([one])
      await content.put([second])
      expect(await b.service.get(one.cid)).toEqual(one.bytes)
      expect(await b.service.get(second.cid)).toEqual(second.bytes)
    })

    it('has each name once; what is unmounted is not served any more', async () => {
      const [a, b] = await two()
      const one = testBlock('one')
      expect(() => a.exchange.mount('dag', new MemoryBlocks())).toThrow(expect.objectContaining({ code: 'BUSY' }))
      await a.service.put([one])
      a.service.unmount()
      const abort = new AbortController()
      const unserved = b.service.get(one.cid, abort)
      const again = a.exchange.mount('dag', new MemoryBlocks())
      const served = b.service.get(testBlock('two').cid)
      await again.put([testBlock('two')])
      await served
      abort.abort(new Error('nobody has it'))
      await expect(unserved).rejects.toThrow('nobody has it')
    })

    it('fails when the store fails, and announces nothing', async () => {
      const [a, b] = await two()
      const one = testBlock('one')
      a.blocks.failure = new Error('the disk is full')
      await expect(a.service.put([one])).rejects.toThrow('the disk is full')
      const abort = new AbortController()
      const waiting = b.service.get(one.cid, abort)
      a.blocks.failure = undefined
      b.blocks.failure = new Error('the disk is full here, too')
      await a.service.put([one])
      await expect(waiting).rejects.toThrow('the disk is full here, too')
    })
  })
}

function mount(exchange: BlockExchange): Mounted {
  const blocks = new MemoryBlocks()
  return { exchange, blocks, service: exchange.mount('dag', blocks) }
}

/** Makes blocks of the same length different. */
function mark(number: number): (byte: number, at: number) => number {
  return (byte, at) => (at === 0 ? number & 0xff : at === 1 ? number >> 8 : byte)
}

async function collect(blocks: AsyncIterable<Block>): Promise<Block[]> {
  const all: Block[] = []
  for await (const block of blocks) all.push(block)
  return all
}
