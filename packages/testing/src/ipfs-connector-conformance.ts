import {
  IPFSPinStatus,
  MAX_PAGE_ITEMS,
  pinOf,
  PinMode,
  type Block,
  type IPFSPinInfo,
  type IpfsConnector
} from '@cluster/api'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blockNodes } from './block-nodes.ts'

/** A connector under test, and the rest of the network as it sees it. */
export interface IpfsConnectorUnderTest {
  readonly connector: IpfsConnector
  /** Puts blocks where the connector can fetch them, but not into its own store. */
  provide(blocks: readonly Block[]): Promise<void>
  /** The IPFS node takes CIDs of the same block in different encodings for different pins, as Kubo does. */
  readonly pinsByEncoding?: boolean
  /** Frees what `create` made besides the connector. */
  close?(): Promise<void>
}

/** A real daemon on a busy machine takes its time for a thousand pins. */
const MANY_PINS_LIMIT_MS = 120_000

/** A shard of one link, behaviours.md §6.9. */
const SHARD = {
  cid: CID.parse('bafyreibq5g43j4n4jnndownjhnhhpgb42bj7qqlu4gym2yuny3bs7mg2cq'),
  hex: 'a16130d82a58230012209273fd63ec94bed5abb219b2d9cb010cabe4af7b0177292d4335eff50464060a'
}

const rawCode = 0x55
const dagPbCode = 0x70

async function blockOf(code: number, bytes: Uint8Array): Promise<Block> {
  return { cid: CID.createV1(code, await sha256.digest(bytes)), bytes }
}
const leaf = (text: string): Promise<Block> => blockOf(rawCode, new TextEncoder().encode(text))

/** A dag-pb node that links to the given blocks: field 2 of the node, field 1 (hash) and 2 (name) of each link. */
async function parent(children: readonly Block[]): Promise<Block> {
  const links = children.flatMap(({ cid }, i) => {
    const name = new TextEncoder().encode(`link-${i.toString().padStart(3, '0')}`)
    const link = [0x0a, cid.bytes.length, ...cid.bytes, 0x12, name.length, ...name]
    return [0x12, link.length, ...link]
  })
  return await blockOf(dagPbCode, new Uint8Array(links))
}

/**
 * What every {@link IpfsConnector} must do. Call it at the top of a test file.
 *
 * @param create - gives a connector that has not been started, on an empty IPFS node, on each call
 */
export function ipfsConnectorConformance(name: string, create: () => Promise<IpfsConnectorUnderTest>): void {
  describe(`${name} as IpfsConnector`, () => {
    let connector: IpfsConnector
    let provide: IpfsConnectorUnderTest['provide']
    let close: IpfsConnectorUnderTest['close']
    let pinsByEncoding: boolean

    beforeEach(async () => {
      const made = await create()
      connector = made.connector
      provide = (blocks) => made.provide(blocks)
      pinsByEncoding = made.pinsByEncoding ?? false
      close = () => made.close?.() ?? Promise.resolve()
      await connector.beforeStart?.({})
      await connector.start?.({})
      await connector.ready({})
    })
    afterEach(async () => {
      await connector.stop?.({})
      await close?.()
    })

    const status = (cid: CID, mode: number = PinMode.recursive): Promise<number> =>
      connector.pinLsCid(pinOf(cid, { mode }), {})
    const pin = (cid: CID, mode: number = PinMode.recursive): Promise<void> => connector.pin(pinOf(cid, { mode }), {})
    const listed = async (types: readonly ('recursive' | 'direct')[]): Promise<IPFSPinInfo[]> => {
      const found: IPFSPinInfo[] = []
      for await (const page of connector.pinLs(types, {})) {
        expect(page.length).toBeGreaterThan(0)
        expect(page.length).toBeLessThanOrEqual(1024)
        found.push(...page)
      }
      return found
    }
    const stream = (blocks: readonly Block[]): Promise<void> => connector.blockStream(blockNodes(...blocks), {})
    const collected = async (): Promise<Set<string>> => {
      const keys = new Set<string>()
      for await (const { key, error } of connector.repoGC({})) {
        expect(error).toBe('')
        if (key !== undefined) keys.add(Buffer.from(key.multihash.bytes).toString('hex'))
      }
      return keys
    }
    const hashOf = ({ cid }: Block): string => Buffer.from(cid.multihash.bytes).toString('hex')

    it('says who the IPFS node is', async () => {
      const { id, error } = await connector.id({})
      expect(id).toBeDefined()
      expect(error).toBe('')
      expect(connector.health?.state ?? 'up').toBe('up')
    })

    it('pins recursively: fetches, keeps and lists the whole DAG', async () => {
      const leaves = await Promise.all(['a', 'b', 'c'].map(leaf))
      const root = await parent(leaves)
      await provide([...leaves, root])
      expect(await status(root.cid)).toBe(IPFSPinStatus.unpinned)
      const progress: number[] = []
      const sizes: number[] = []
      await connector.pin(pinOf(root.cid), {
        onProgress: (nodes, bytes) => {
          progress.push(nodes)
          if (bytes !== undefined) sizes.push(bytes)
        }
      })
      for (const numbers of [progress, sizes]) expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      expect(await status(root.cid)).toBe(IPFSPinStatus.recursive)
      for (const { cid, bytes } of leaves) {
        expect(await status(cid)).toBe(IPFSPinStatus.unpinned) // indirect is not pinned
        expect(Buffer.from(await connector.blockGet(cid, {}))).toEqual(Buffer.from(bytes))
      }
      const keys = await collected()
      for (const block of [root, ...leaves]) expect(keys).not.toContain(hashOf(block))
    })

    it('pins directly: the root alone', async () => {
      const child = await leaf('below')
      const root = await parent([child])
      await provide([root])
      await pin(root.cid, PinMode.direct)
      expect(await status(root.cid, PinMode.direct)).toBe(IPFSPinStatus.direct)
      expect(await status(root.cid)).toBe(IPFSPinStatus.unpinned)
    })

    it('replaces a direct pin by a recursive one, and takes a recursive one for a direct one', async () => {
      const child = await leaf('child')
      const root = await parent([child])
      await provide([child, root])
      await pin(root.cid, PinMode.direct)
      await pin(root.cid)
      expect(await status(root.cid)).toBe(IPFSPinStatus.recursive)
      await pin(root.cid, PinMode.direct)
      expect(await status(root.cid, PinMode.direct)).toBe(IPFSPinStatus.recursive)
      expect(await listed(['direct'])).toEqual([])
    })

    it('IP-4: unpins, also what was never pinned', async () => {
      const block = await leaf('unpin me')
      await provide([block])
      await connector.unpin(block.cid, {})
      await pin(block.cid)
      await connector.unpin(block.cid, {})
      expect(await status(block.cid)).toBe(IPFSPinStatus.unpinned)
      await connector.unpin(block.cid, {})
    })

    it('IP-6: knows a pin under the encoding of its CID, or any', async () => {
      const child = await leaf('x')
      const root = await parent([child])
      await provide([child, root])
      await pin(root.cid.toV0())
      expect(await status(root.cid.toV0())).toBe(IPFSPinStatus.recursive)
      const expected = pinsByEncoding ? IPFSPinStatus.unpinned : IPFSPinStatus.recursive
      expect(await status(root.cid.toV1())).toBe(expected)
    })

    it('IP-7: lists pins of the wanted kinds, all of them', async () => {
      const [a, b, c] = await Promise.all([leaf('1'), leaf('2'), leaf('3')])
      await provide([a, b, c])
      await pin(a.cid)
      await pin(b.cid)
      await pin(c.cid, PinMode.direct)
      const texts = async (types: readonly ('recursive' | 'direct')[]): Promise<string[]> =>
        (await listed(types)).map(({ cid, type }) => `${cid.toString()} ${type}`).sort()
      const recursive = [a, b].map(({ cid }) => `${cid.toString()} ${IPFSPinStatus.recursive}`).sort()
      const direct = [`${c.cid.toString()} ${IPFSPinStatus.direct}`]
      expect(await texts(['recursive'])).toEqual(recursive)
      expect(await texts(['direct'])).toEqual(direct)
      expect(await texts(['recursive', 'direct'])).toEqual([...recursive, ...direct].sort())
    })

    it(
      'IP-7: lists more pins than a page has, and lets the list be broken off',
      async () => {
        const blocks = await Promise.all(Array.from({ length: MAX_PAGE_ITEMS + 100 }, (_, i) => leaf(`many ${i}`)))
        await stream(blocks)
        for (let at = 0; at < blocks.length; at += 64) {
          await Promise.all(blocks.slice(at, at + 64).map(({ cid }) => pin(cid, PinMode.direct)))
        }
        const found = (await listed(['recursive', 'direct'])).map(({ cid }) => cid.toString())
        expect(found.sort()).toEqual(blocks.map(({ cid }) => cid.toString()).sort())
        for await (const page of connector.pinLs(['direct'], {})) {
          expect(page.length).toBeGreaterThan(0)
          break
        }
        const abort = new AbortController()
        const aborted = (async () => {
          for await (const page of connector.pinLs(['direct'], abort)) {
            expect(page.length).toBeGreaterThan(0)
            abort.abort()
          }
        })()
        await aborted.catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'ABORTED' })
        })
        expect(await status(blocks[0]?.cid ?? expect.unreachable('no block'), PinMode.direct)).toBe(
          IPFSPinStatus.direct
        )
      },
      MANY_PINS_LIMIT_MS
    )

    it('pins what is asked for several times at once', async () => {
      const [child, other] = await Promise.all([leaf('shared'), leaf('other')])
      const root = await parent([child])
      const second = await parent([child, other])
      await provide([child, other, root, second])
      await Promise.all([pin(root.cid), pin(root.cid), pin(second.cid), pin(child.cid)])
      for (const { cid } of [root, second, child]) expect(await status(cid)).toBe(IPFSPinStatus.recursive)
      await connector.unpin(root.cid, {})
      await connector.unpin(child.cid, {})
      const keys = await collected()
      expect(keys).toContain(hashOf(root))
      for (const block of [second, child, other]) expect(keys).not.toContain(hashOf(block))
    })

    it('IP-11: ends the search for a block that nobody has with the abort, if not before', async () => {
      const { cid } = await leaf('nobody has this block')
      const abort = new AbortController()
      const asking = connector.blockGet(cid, abort)
      setImmediate(() => {
        abort.abort()
      })
      await expect(asking).rejects.toThrow()
    })

    it('refuses a stream without blocks', async () => {
      await expect(stream([])).rejects.toMatchObject({
        code: 'BAD_REQUEST',
        message: 'BlockStream: no blocks to peek in blocks channel'
      })
    })

    it('lets go of the source of a stream that it refuses', async () => {
      const { cid } = await leaf('right')
      const closed = Promise.withResolvers<undefined>()
      async function* endless(): AsyncGenerator<{ cid: CID; data: Uint8Array; cumSize: bigint }> {
        try {
          for (;;) {
            yield { cid, data: new TextEncoder().encode('wrong'), cumSize: 0n }
            await new Promise((resolve) => setImmediate(resolve))
          }
        } finally {
          closed.resolve(undefined)
        }
      }
      await expect(connector.blockStream(endless(), {})).rejects.toThrow()
      await closed.promise
    })

    it('IP-11: stores a stream of blocks', async () => {
      const blocks = await Promise.all(Array.from({ length: 100 }, (_, i) => leaf(`block ${i.toString()}`)))
      await stream(blocks)
      for (const { cid, bytes } of blocks) {
        expect(Buffer.from(await connector.blockGet(cid, {}))).toEqual(Buffer.from(bytes))
      }
    })

    it('IP-11: gives the bytes of a shard back', async () => {
      const bytes = Buffer.from(SHARD.hex, 'hex')
      await stream([{ cid: SHARD.cid, bytes }])
      expect(Buffer.from(await connector.blockGet(SHARD.cid, {}))).toEqual(bytes)
    })

    it('refuses a block that is not what its CID says', async () => {
      const { cid } = await leaf('right')
      await expect(stream([{ cid, bytes: new TextEncoder().encode('wrong') }])).rejects.toThrow()
    })

    it('fails a stream whose source fails', async () => {
      const { cid, bytes } = await leaf('first')
      async function* broken(): AsyncGenerator<{ cid: CID; data: Uint8Array; cumSize: bigint }> {
        await Promise.resolve()
        yield { cid, data: bytes, cumSize: 0n }
        throw new Error('the source broke')
      }
      await expect(connector.blockStream(broken(), {})).rejects.toThrow('the source broke')
    })

    it('IP-13: resolves paths', async () => {
      const [a, b] = await Promise.all([leaf('a'), leaf('b')])
      const root = await parent([a, b])
      for (const path of [`/ipfs/${root.cid.toString()}`, `/ipld/${root.cid.toString()}`, root.cid.toString()]) {
        expect((await connector.resolve(path, {})).toString()).toBe(root.cid.toString())
      }
    })

    it.each(['', '/ipfs/notacid', '/nope/x/y'])('refuses the path %j', async (path) => {
      await expect(connector.resolve(path, {})).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    })

    it('IP-12: measures the repository', async () => {
      const before = await connector.repoStat({})
      expect(before.storageMax).toBeGreaterThan(0n)
      const block = await blockOf(rawCode, new Uint8Array(10_000).fill(7))
      await provide([block])
      await pin(block.cid)
      expect((await connector.repoStat({})).repoSize).toBeGreaterThanOrEqual(before.repoSize + 10_000n)
    })

    it('IP-15: collects what is no longer pinned, and only that', async () => {
      const [gone, kept] = await Promise.all([leaf('gone'), leaf('kept')])
      await provide([gone, kept])
      await pin(gone.cid)
      await pin(kept.cid)
      await connector.unpin(gone.cid, {})
      const keys = await collected()
      expect(keys).toContain(hashOf(gone))
      expect(keys).not.toContain(hashOf(kept))
      expect(await status(kept.cid)).toBe(IPFSPinStatus.recursive)
    })

    it('breaks off a pin that waits', async () => {
      const nowhere = await leaf('nobody has this')
      const abort = new AbortController()
      const pinning = connector.pin(pinOf(nowhere.cid), { signal: abort.signal })
      setImmediate(() => {
        abort.abort()
      })
      await expect(pinning).rejects.toThrow()
      expect(await status(nowhere.cid)).toBe(IPFSPinStatus.unpinned)
    })

    it('refuses calls with an aborted signal', async () => {
      const { cid } = await leaf('x')
      const aborted = { signal: AbortSignal.abort() }
      await expect(connector.pin(pinOf(cid), aborted)).rejects.toThrow()
      await expect(connector.pinLsCid(pinOf(cid), aborted)).rejects.toThrow()
      await expect(connector.repoStat(aborted)).rejects.toThrow()
    })

    it('IP-8: ends what waits when it stops, stops twice, and takes no calls afterwards', async () => {
      const { cid } = await leaf('never there')
      const waiting = expect(connector.pin(pinOf(cid), {})).rejects.toThrow()
      await connector.stop?.({})
      await waiting
      await connector.stop?.({})
      await expect(connector.pin(pinOf(cid), {})).rejects.toThrow()
    })
  })
}
