import { hash } from 'node:crypto'
import * as dagPb from '@ipld/dag-pb'
import { MemoryDatastore, settle } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, test } from 'vitest'
import { openStore } from './open-store.fixture.ts'
import {
  createNode,
  encodeBroadcast,
  encodeDelta,
  MAX_BLOCK_BYTES,
  type DeltaNode,
  type MerkleCrdtInit,
  type RejectionReason
} from './index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const sha256 = (content: Uint8Array | string): Digest.Digest<0x12, number> =>
  Digest.create(0x12, new Uint8Array(hash('sha256', content, 'buffer')))
const cidOf = (content: Uint8Array, codec = 0x70): CID => CID.createV1(codec, sha256(content))
const link = (cid: CID): dagPb.PBLink => ({ Hash: cid, Name: '', Tsize: 0 })

function node(priority: bigint, key: string, ...parents: { cid: CID }[]): DeltaNode {
  const delta = { elements: [{ key, value: bytes(key) }], tombstones: [], priority }
  return createNode(
    delta,
    parents.map(({ cid }) => cid)
  )
}
/** A dag-pb block with any data and links. */
function raw(Data: Uint8Array, Links: dagPb.PBLink[] = []): { cid: CID; bytes: Uint8Array } {
  const block = dagPb.encode({ Data, Links })
  return { cid: cidOf(block), bytes: block }
}
/** Bytes under the CID that they have. */
const any = (content: Uint8Array): { cid: CID; bytes: Uint8Array } => ({ cid: cidOf(content), bytes: content })

async function open(init: Partial<MerkleCrdtInit> & { storage?: MemoryDatastore } = {}) {
  const opened = await openStore(init)
  /** Everything in the datastore. */
  const content = async (): Promise<string[]> => {
    const entries: string[] = []
    for await (const { key, value } of opened.storage.query({})) {
      entries.push(`${key.toString()} ${Buffer.from(value).toString('hex')}`)
    }
    return entries
  }
  return { ...opened, content }
}

const [honest, other] = [node(1n, '/a'), node(1n, '/b')]
const badBlocks: { what: string; reason: RejectionReason; block: () => { cid: CID; bytes: Uint8Array } }[] = [
  { what: 'the bytes of another block', reason: 'wrong-hash', block: () => ({ cid: honest.cid, bytes: other.bytes }) },
  {
    what: 'a pretended cycle: each of two blocks is said to be one that links to the other',
    reason: 'wrong-hash',
    block: () => ({ cid: honest.cid, bytes: node(2n, '/c', honest).bytes })
  },
  { what: 'more than 4 MiB', reason: 'block-too-large', block: () => any(new Uint8Array(MAX_BLOCK_BYTES + 1)) },
  { what: 'no dag-pb', reason: 'not-a-node', block: () => any(bytes('no dag-pb at all')) },
  { what: 'nothing but a tag', reason: 'not-a-node', block: () => any(Uint8Array.of(0x12)) },
  {
    what: '10^5 links',
    reason: 'too-many-links',
    block: () =>
      raw(
        new Uint8Array(),
        Array.from({ length: 100_000 }, (_, index) => ({ Hash: CID.createV0(sha256(String(index))) }))
      )
  },
  {
    what: 'a link to a raw block',
    reason: 'foreign-link',
    block: () => raw(bytes(''), [link(cidOf(bytes('x'), 0x55))])
  },
  {
    what: 'a link by another hash',
    reason: 'foreign-link',
    block: () => raw(bytes(''), [link(CID.createV1(0x70, Digest.create(0x16, new Uint8Array(32))))])
  },
  { what: 'a delta that is none', reason: 'bad-delta', block: () => raw(bytes('no delta')) },
  { what: 'a key that is no UTF-8', reason: 'bad-delta', block: () => raw(Uint8Array.of(0x0a, 3, 0x0a, 1, 0xff)) },
  { what: 'a delta that is cut off', reason: 'bad-delta', block: () => raw(Uint8Array.of(0x0a, 100, 0x0a)) },
  {
    what: '10^6 elements',
    reason: 'too-many-entries',
    block: () => raw(Uint8Array.from({ length: 2_000_000 }, (_, index) => (index % 2 === 0 ? 0x0a : 0)))
  }
]

describe('a bad block is refused, counted, and leaves no trace', () => {
  test.each(badBlocks)('$what: $reason', async ({ reason, block }) => {
    const bad = block()
    const { store, remote, inbox, content } = await open()
    const told: unknown[] = []
    store.addEventListener('rejected', ({ detail }) => told.push(detail))
    const before = await content()
    remote.add(bad)
    await inbox.deliver(encodeBroadcast([bad.cid]))
    await store.idle()
    expect(store.status()).toMatchObject({ headCount: 0, isDirty: false, queue: { jobs: 0 } })
    expect(store.status().counters.rejected[reason]).toBe(1)
    expect(told).toMatchObject([{ reason, cid: bad.cid }])
    expect(await content()).toEqual(before)
    // and it goes on
    const good = node(1n, '/good')
    remote.add(good)
    await inbox.deliver(encodeBroadcast([good.cid]))
    await store.commit([{ type: 'put', key: '/own', value: bytes('1') }])
    expect(await store.get('/good')).toEqual(bytes('/good'))
    expect(store.status()).toMatchObject({ state: 'synced', headCount: 1, maxHeight: 2n })
    await store.close()
  })

  test.each(badBlocks)('below a good head: $what', async ({ reason, block }) => {
    const bad = block()
    const { store, remote, inbox, content } = await open()
    const head = node(2n, '/head', bad)
    remote.add(bad, head)
    await inbox.deliver(encodeBroadcast([head.cid]))
    await store.idle()
    await settle()
    const status = store.status()
    expect(status.counters.rejected[reason]).toBeGreaterThan(0)
    expect(status).toMatchObject({ state: 'stuck', headCount: 1, isDirty: reason !== 'wrong-hash' })
    expect(await store.get('/head')).toEqual(bytes('/head'))
    const values = (await content()).filter((entry) => entry.startsWith('/c/s/k/'))
    expect(values.map((entry) => entry.split(' ')[0])).toEqual(['/c/s/k/head/p', '/c/s/k/head/v'])
    await store.close()
  })
})

describe('a bad announcement is refused and counted', () => {
  const foreign = [cidOf(bytes('x'), 0x55), CID.createV1(0x70, Digest.create(0x16, new Uint8Array(32)))]
  test.each([
    { what: 'random bytes', reason: 'bad-broadcast', data: () => bytes('hello') },
    { what: 'a bare CIDv1', reason: 'bad-broadcast', data: () => honest.cid.bytes },
    { what: 'a head that is no CID', reason: 'bad-broadcast', data: () => Uint8Array.of(0x0a, 3, 0x0a, 1, 9) },
    {
      what: '10^6 heads',
      reason: 'broadcast-too-large',
      data: () => {
        const one = encodeBroadcast([honest.cid])
        return new Uint8Array(Buffer.concat(Array.from({ length: 1_000_000 }, () => one)))
      }
    }
  ] as const)('$what: $reason', async ({ reason, data }) => {
    const { store, inbox, remote } = await open()
    await inbox.deliver(data())
    expect(store.status().counters.rejected[reason]).toBe(1)
    expect(remote.asked).toEqual([])
    await store.close()
  })

  test('heads that cannot be blocks of the store do not spoil the others', async () => {
    const { store, inbox, remote } = await open()
    remote.add(honest)
    await inbox.deliver(encodeBroadcast([...foreign, honest.cid]))
    await store.idle()
    expect(store.status()).toMatchObject({ headCount: 1, counters: { rejected: { 'foreign-head': 2 } } })
    await store.close()
  })

  test('of as many heads as a message carries, a bounded number is kept', async () => {
    const { store, inbox } = await open({ fetch: { maxHeadFetches: 4, maxPendingHeads: 100 } })
    const heads = Array.from({ length: 20_000 }, (_, index) => CID.createV1(0x70, sha256(String(index))))
    await inbox.deliver(encodeBroadcast(heads))
    expect(store.status()).toMatchObject({ queue: { jobs: 100 }, counters: { droppedHeads: 19_900 } })
    await store.close()
  })
})

describe('what the Go peer takes is taken', () => {
  /** A delta with a field that is not ours: the name of a DAG. */
  const named = new Uint8Array(
    Buffer.concat([
      encodeDelta({ elements: [{ key: '/named', value: bytes('1') }], tombstones: [], priority: 1n }),
      Uint8Array.of(0x22, 1, 0x61)
    ])
  )
  const highest = (1n << 64n) - 1n

  test('a delta of another name, as the Go peer of today does', async () => {
    const { store, inbox, remote } = await open()
    const block = raw(named)
    remote.add(block)
    await inbox.deliver(encodeBroadcast([block.cid]))
    expect(await store.get('/named')).toEqual(bytes('1'))
    await store.close()
  })

  test('priorities that jump, stand still or fall; the highest one does not make later blocks lose', async () => {
    const { store, inbox, remote } = await open()
    const first = node(5n, '/k')
    const same = node(5n, '/same', first)
    const lower = node(1n, '/lower', same)
    const jump = node(highest, '/jump', lower)
    remote.add(first, same, lower, jump)
    await inbox.deliver(encodeBroadcast([jump.cid]))
    await store.idle()
    expect(store.status()).toMatchObject({ state: 'synced', headCount: 1, maxHeight: highest })
    await store.commit([{ type: 'put', key: '/jump', value: bytes('later, and greater by its bytes: z') }])
    await store.commit([{ type: 'put', key: '/zzz', value: bytes('1') }])
    expect(store.status().maxHeight).toBe(highest)
    expect(await store.get('/jump')).toEqual(bytes('later, and greater by its bytes: z'))
    await store.commit([{ type: 'delete', key: '/jump' }])
    expect(await store.get('/jump')).toBeUndefined()
    await store.close()
  })

  test('a block without data, links in any form, and tombstones of what nobody knows', async () => {
    const { store, inbox, remote } = await open()
    const empty = raw(new Uint8Array())
    const removal = encodeDelta({ elements: [], tombstones: [{ key: '/x', id: '/CIQNOBODY' }], priority: 2n })
    const odd = raw(removal, [{ Hash: CID.createV0(sha256(empty.bytes)), Name: 'a name', Tsize: 7 }])
    remote.add(empty, odd)
    await inbox.deliver(encodeBroadcast([odd.cid]))
    await store.idle()
    expect(store.status()).toMatchObject({ state: 'synced', headCount: 1, maxHeight: 2n, counters: { merged: 2 } })
    await store.close()
  })
})

describe('a damaged store', () => {
  test('names the entry and says how it is repaired', async () => {
    const storage = new MemoryDatastore()
    const { store } = await open({ storage })
    await store.commit([{ type: 'put', key: '/a', value: bytes('1') }])
    storage.put(new Key('/c/s/k/a/p'), Uint8Array.of(0xff))
    const failure = store.commit([{ type: 'put', key: '/a', value: bytes('2') }])
    await expect(failure).rejects.toMatchObject({ code: 'ERR_CRDT_BAD_STORE' })
    await expect(failure).rejects.toThrow(/\/c\/s\/k\/a\/p cannot be read\. Repair the datastore or restore a copy/)
    await store.close()
  })

  test('with a head whose block is damaged opens; a repair fetches the block, and it is on disk', async () => {
    const storage = new MemoryDatastore()
    const first = await open({ storage })
    await first.store.commit([{ type: 'put', key: '/a', value: bytes('1') }])
    const [head] = first.store.status().heads
    if (head === undefined) throw new Error('no head')
    const block = await first.blocks.get(head.cid)
    await first.store.close()
    const place = [...(await first.content())].find((entry) => entry.startsWith('/c/b/blocks/'))?.split(' ')[0] ?? ''
    storage.put(new Key(place), bytes('garbage'))

    const again = await open({ storage })
    expect(again.store.status()).toMatchObject({ isDirty: true, state: 'stuck', headCount: 1 })
    expect(await again.store.get('/a')).toEqual(bytes('1'))
    again.remote.add({ cid: head.cid, bytes: block })
    expect(await again.store.repair()).toBe(true)
    expect(storage.get(new Key(place))).toEqual(block)
    expect(again.store.status()).toMatchObject({ isDirty: false, state: 'synced' })
    await again.store.close()
  })
})
