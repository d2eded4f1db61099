import { rm } from 'node:fs/promises'
import { IPFSPinStatus, pinOf, type Pin } from '@cluster/api'
import {
  blockNodes,
  ipfsConnectorConformance,
  memoryCounters,
  MemoryExchangeHub,
  settle,
  testPeerId
} from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { EmbeddedContext } from './embedded-ipfs.ts'
import { blockOf, countingHub, gc, makePeer, nodeOf, startPeer, until } from './embedded.fixture.ts'

ipfsConnectorConformance('embedded', async () => {
  const hub = new MemoryExchangeHub()
  const peer = await makePeer(hub)
  const other = await makePeer(hub)
  await other.ipfs.beforeStart()
  other.ipfs.start()
  return {
    connector: peer.ipfs,
    provide: (blocks) => other.ipfs.blockStream(blockNodes(...blocks), {}),
    close: async () => {
      await other.ipfs.stop({})
      expect(peer.context.clock.pending).toBe(0)
      for (const { baseDir } of [peer, other]) await rm(baseDir, { recursive: true, force: true })
    }
  }
})

describe('EmbeddedIpfs', () => {
  it('gives other peers what it got by a block stream, and what it pinned from them', async () => {
    const hub = new MemoryExchangeHub()
    const [a, b, c] = [await startPeer(hub), await startPeer(hub), await startPeer(hub)]
    const block = blockOf('from a to b to c')
    await a.ipfs.blockStream(blockNodes(block), {})
    await b.ipfs.pin(pinOf(block.cid), {})
    await a.ipfs.stop({})
    await c.ipfs.pin(pinOf(block.cid), {})
    expect(Buffer.from(await c.ipfs.blockGet(block.cid, {}))).toEqual(Buffer.from(block.bytes))
    expect(hub.transferred).toBe(2)
  })

  it('IP-2: fails a pin that makes no progress for pin_timeout, not one that advances', async () => {
    const { hub, asked } = countingHub()
    const other = await startPeer(hub)
    const { ipfs, context } = await startPeer(hub, { pinTimeoutMs: 5000 })
    const missing = blockOf('nowhere').cid
    const failed = expect(ipfs.pin(pinOf(missing), {})).rejects.toMatchObject({
      code: 'TIMEOUT',
      message:
        `pin operation timed out: no progress for 5s: no peer gave block ${missing.toString()}; the embedded IPFS ` +
        'node asks the peers of the cluster only, not the public IPFS network'
    })
    await until(() => asked() === 1)
    await context.clock.advance(5000)
    await failed

    const late = blockOf('late')
    const pinning = ipfs.pin(pinOf(late.cid), {})
    await until(() => asked() === 2)
    await context.clock.advance(4999)
    await other.ipfs.blockStream(blockNodes(late), {})
    await pinning
    expect(context.clock.pending).toBe(0)
  })

  it('names one of the blocks that are missing, and how many', async () => {
    const { hub, asked } = countingHub()
    await startPeer(hub)
    const { ipfs, context } = await startPeer(hub, { pinTimeoutMs: 5000 })
    const [here, a, b] = [blockOf('here'), blockOf('a'), blockOf('b')]
    const root = nodeOf([here.cid, a.cid, b.cid])
    await ipfs.blockStream(blockNodes(root, here), {})
    const failure = ipfs.pin(pinOf(root.cid), {}).catch((error: unknown) => error)
    await until(() => asked() === 2)
    for (let n = 0; n < 2; n++) await context.clock.advance(5000)
    const names = [a, b].map(({ cid }) => cid.toString()).join('|')
    expect(String(await failure)).toMatch(new RegExp(`no peer gave block (${names}), nor 1 more; the embedded`))
  })

  it('pins at once what is here, and asks nobody for it', async () => {
    const { hub, asked } = countingHub()
    const [{ ipfs }] = [await startPeer(hub, { pinTimeoutMs: 0 }), await startPeer(hub)]
    const leaves = [blockOf('a'), blockOf('b')]
    const root = nodeOf(leaves.map(({ cid }) => cid))
    await ipfs.blockStream(blockNodes(root, ...leaves), {})
    const stuck = ipfs.pin(pinOf(blockOf('nobody has this').cid), {}).catch(() => undefined)
    await until(() => asked() > 0)
    const before = asked()
    const progress: number[] = []
    await ipfs.pin(pinOf(root.cid), { onProgress: (nodes) => progress.push(nodes) })
    expect([progress, asked(), hub.transferred]).toEqual([[1, 2, 3], before, 0])
    await ipfs.stop({})
    await stuck
  })

  it('waits without limit when pin_timeout is 0', async () => {
    const hub = new MemoryExchangeHub()
    const { ipfs, context } = await startPeer(hub, { pinTimeoutMs: 0 })
    const abort = new AbortController()
    const pinning = expect(ipfs.pin(pinOf(blockOf('x').cid), abort)).rejects.toMatchObject({ code: 'ABORTED' })
    await settle()
    expect(context.clock.pending).toBe(0)
    abort.abort()
    await pinning
  })

  it('IP-5: unpin_disable refuses to unpin, not to pin', async () => {
    const hub = new MemoryExchangeHub()
    const other = await startPeer(hub)
    const { ipfs } = await startPeer(hub, { unpinDisable: true })
    const block = blockOf('keep')
    await other.ipfs.blockStream(blockNodes(block), {})
    await ipfs.pin(pinOf(block.cid), {})
    await expect(ipfs.unpin(block.cid, {})).rejects.toThrow(
      'ipfs unpinning is disallowed by configuration on this peer'
    )
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.recursive)
  })

  it('holds blocks of a stream from garbage collection until they are pinned, or for hold_time', async () => {
    const peer = await startPeer(new MemoryExchangeHub(), { holdTimeMs: 60_000 })
    const [added, forgotten] = [blockOf('added'), blockOf('forgotten')]
    await peer.ipfs.blockStream(blockNodes(added), {})
    await peer.ipfs.blockStream(blockNodes(forgotten), {})
    expect(await gc(peer)).toEqual([])
    await peer.ipfs.pin(pinOf(added.cid), {})
    await peer.ipfs.unpin(added.cid, {})
    expect(await gc(peer)).toEqual([added.cid.toString()])
    await peer.ipfs.pin(pinOf(forgotten.cid), {}) // pinned, added again, pinned again
    await peer.ipfs.blockStream(blockNodes(forgotten), {})
    await peer.ipfs.pin(pinOf(forgotten.cid), {})
    await peer.ipfs.unpin(forgotten.cid, {})
    expect(await gc(peer)).toEqual([forgotten.cid.toString()])
    await peer.ipfs.blockStream(blockNodes(forgotten), {})
    await peer.context.clock.advance(59_999)
    expect(await gc(peer)).toEqual([])
    await peer.context.clock.advance(1)
    expect(await gc(peer)).toEqual([forgotten.cid.toString()])
  })

  it('a shard pin (depth 1) is not a full one, a full one is a shard pin', async () => {
    const hub = new MemoryExchangeHub()
    const { ipfs } = await startPeer(hub)
    const block = blockOf('shard')
    await ipfs.blockStream(blockNodes(block), {})
    const shard: Pin = { ...pinOf(block.cid), maxDepth: 1 }
    await ipfs.pin(shard, {})
    expect(await ipfs.pinLsCid(shard, {})).toBe(IPFSPinStatus.recursive)
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.unpinned)
    await ipfs.pin(pinOf(block.cid), {})
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.recursive)
    expect(await ipfs.pinLsCid(shard, {})).toBe(IPFSPinStatus.recursive)
  })

  it('asks for metrics after informer_trigger_interval pins and adds', async () => {
    const { ipfs } = await startPeer(new MemoryExchangeHub(), { informerTriggerInterval: 3 })
    let due = 0
    ipfs.addEventListener('informers:due', () => due++)
    const block = blockOf('x')
    await ipfs.blockStream(blockNodes(block), {})
    expect(due).toBe(0)
    await ipfs.pin(pinOf(block.cid), {}) // start and end
    expect(due).toBe(1)
    await ipfs.pin(pinOf(block.cid), {}) // nothing to do, nothing to count
    await Array.fromAsync(ipfs.repoGC({}))
    expect(due).toBe(1)
  })

  it('counts pins, blocks and what failed', async () => {
    const metrics = memoryCounters()
    const { ipfs, context } = await startPeer(new MemoryExchangeHub(), { storageMax: '64B' }, undefined, { metrics })
    const counted = async () =>
      Object.fromEntries(Object.entries(await metrics.read()).map(([name, value]) => [name.slice(12), value]))
    const zero = {
      pins_ipfs_pins: 0,
      pins_pin_add: 0,
      pins_pin_add_errors: 0,
      blocks_put: 0,
      blocks_put_errors: 0,
      blocks_added: 0,
      blocks_added_size: 0
    }
    expect(await counted()).toEqual(zero)
    const [a, b] = [blockOf('a'), blockOf('bb')]
    await ipfs.blockStream(blockNodes(a, b), {})
    await ipfs.pin(pinOf(a.cid), {})
    await ipfs.pin(pinOf(a.cid), {}) // there already
    await ipfs.pin(pinOf(b.cid), {})
    const added = { blocks_put: 1, blocks_added: 2, blocks_added_size: 3 }
    expect(await counted()).toEqual({ ...zero, ...added, pins_ipfs_pins: 2, pins_pin_add: 2 })
    await ipfs.unpin(a.cid, {})
    await ipfs.unpin(a.cid, {})
    await expect(ipfs.blockStream(blockNodes(blockOf('x'.repeat(100))), {})).rejects.toMatchObject({ code: 'LIMIT' })
    const abort = AbortSignal.abort(new Error('enough'))
    await expect(ipfs.pin(pinOf(blockOf('elsewhere').cid), { signal: abort })).rejects.toThrow('enough')
    const stopped = new AbortController()
    const missing = ipfs.pin(pinOf(blockOf('elsewhere').cid), stopped)
    await settle()
    stopped.abort(new Error('enough'))
    await expect(missing).rejects.toThrow('enough')
    expect(await counted()).toMatchObject({ pins_ipfs_pins: 1, pins_pin_add: 3, pins_pin_add_errors: 1 })
    expect(await counted()).toMatchObject({ blocks_put: 2, blocks_put_errors: 1, 'limits_reached{ipfs_storage}': 1 })
    expect(context.lines.some(({ text }) => text.startsWith('IPFS has no room: '))).toBe(true)
    await Array.fromAsync(ipfs.pinLs(['recursive', 'direct'], {}))
    expect((await counted())['pins_ipfs_pins']).toBe(1)
  })

  it('refuses blocks beyond storage_max', async () => {
    const { ipfs } = await startPeer(new MemoryExchangeHub(), { storageMax: '10B' })
    await expect(ipfs.blockStream(blockNodes(blockOf('more than ten bytes')), {})).rejects.toMatchObject({
      code: 'LIMIT'
    })
    expect(await ipfs.repoStat({})).toEqual({ repoSize: 0n, storageMax: 10n })
  })

  it('resolves paths through directories, and no names', async () => {
    const hub = new MemoryExchangeHub()
    const { ipfs, context } = await startPeer(hub, { requestTimeoutMs: 1000 })
    const { cid } = blockOf('nowhere')
    await expect(ipfs.resolve('/ipns/k51abc', {})).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    await expect(ipfs.resolve('x', {})).rejects.toThrow(/^invalid path "\/ipfs\/x": invalid cid: /)
    await expect(ipfs.resolve('/foo/bar', {})).rejects.toThrow(/^invalid path "\/ipfs\/\/foo\/bar": invalid cid: /)
    const resolving = ipfs.resolve(`/ipfs/${cid.toString()}`, {})
    expect((await resolving).toString()).toBe(cid.toString())
    const root = CID.createV1(0x70, cid.multihash)
    const failed = expect(ipfs.resolve(`/ipfs/${root.toString()}/a`, {})).rejects.toMatchObject({ code: 'TIMEOUT' })
    await until(() => context.clock.pending > 0)
    await context.clock.advance(1000)
    await failed
  })

  it('is the peer: its ID and connections, without addresses that IPFS daemons elsewhere would dial in vain', async () => {
    const address = multiaddr('/ip4/127.0.0.1/tcp/9096')
    const libp2p = { getMultiaddrs: () => [address], getPeers: () => [testPeerId(77)] }
    const network = { libp2p } as unknown as NonNullable<EmbeddedContext['network']>
    const { ipfs, context } = await startPeer(new MemoryExchangeHub(), {}, undefined, { network })
    expect(await ipfs.id({})).toEqual({ id: context.self, addresses: undefined, error: '' })
    expect(await ipfs.swarmPeers({})).toEqual([testPeerId(77)])
    await ipfs.connectSwarms([address], {})
  })
})
