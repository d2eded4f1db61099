import { createIdentity } from '@cluster/config'
import { createHost, type Host } from '@cluster/host'
import { CATCH_UP_PROTOCOL, DagBlocks, MerkleCrdt, type DagExchange } from '@cluster/merkle-crdt'
import { Inbox, MemoryDatastore, memoryLogger } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { CatchUpProtocol } from './index.ts'

const SECRET = new Uint8Array(32).fill(9)

interface Peer extends AsyncDisposable {
  readonly host: Host
  readonly store: MerkleCrdt
  readonly protocol: CatchUpProtocol
  readonly inbox: Inbox
  readonly blocks: DagBlocks
}

/** A replica whose exchange brings nothing: what it gets comes by the protocol, over TCP under a cluster secret. */
async function start(topic: string, snapshots: boolean): Promise<Peer> {
  const { privateKey } = await createIdentity()
  const host = await createHost({ privateKey, secret: SECRET, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')] })
  const storage = new MemoryDatastore()
  const blocks = new DagBlocks(storage, '/c')
  const protocol = new CatchUpProtocol({ libp2p: host.libp2p, topic, isTrusted: () => true })
  await protocol.watch()
  const inbox = new Inbox()
  const exchange: DagExchange = {
    put: (stored) => blocks.put(stored),
    createSession: () => ({
      close: () => undefined,
      get: async (cid, options) => {
        if (await blocks.has(cid)) return blocks.get(cid)
        return new Promise((_resolve, reject) => {
          options?.signal?.addEventListener('abort', () => {
            reject(new Error('nobody has it'))
          })
        })
      }
    })
  }
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks,
    exchange,
    broadcaster: inbox,
    clock: {
      nowMs: () => Date.now(),
      setTimer: (atMs, fn) => {
        const timer = setTimeout(fn, atMs - Date.now())
        return () => {
          clearTimeout(timer)
        }
      },
      soon: (fn) => setImmediate(fn)
    },
    random: () => Math.random(),
    log: memoryLogger(),
    catchUp: { ...protocol.options, snapshots, limits: { minBlocks: 1, minSnapshotBlocks: 100 } }
  })
  await protocol.serve(store)
  return {
    host,
    store,
    protocol,
    inbox,
    blocks,
    async [Symbol.asyncDispose]() {
      await protocol.stop()
      await store.close()
      await host.stop()
    }
  }
}

/** Connects, and resolves when identify has told of the protocol. */
async function meet(a: Peer, b: Peer): Promise<void> {
  const [address] = b.host.addresses()
  if (address === undefined) throw new Error('no address')
  const known = new Promise<void>((resolve) => {
    a.host.libp2p.addEventListener('peer:identify', ({ detail }) => {
      if (detail.protocols.includes(CATCH_UP_PROTOCOL)) resolve()
    })
  })
  await a.host.connect(await a.host.importAddress(address, { dial: false }))
  await known
}

async function pin(peer: Peer, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await peer.store.commit([{ type: 'put', key: `/k${index}`, value: Buffer.alloc(3000, `value ${index}`) }])
  }
}

async function announce(from: Peer, to: Peer): Promise<void> {
  const [last] = from.inbox.sent.slice(-1)
  if (last === undefined) throw new Error('nothing was announced')
  await to.inbox.deliver(last)
}

async function keys(peer: Peer): Promise<number> {
  let count = 0
  for await (const page of peer.store.list()) count += page.length
  return count
}

test.each([false, true])(
  'a fresh peer takes in a history over real sockets (snapshot: %s)',
  async (snapshots) => {
    await using old = await start('one', false)
    await pin(old, 400)
    await using fresh = await start('one', snapshots)
    await meet(fresh, old)
    await announce(old, fresh)
    await fresh.store.idle()
    expect(await keys(fresh)).toBe(400)
    expect(fresh.store.catchUp).toMatchObject({ failures: 0, snapshot: { taken: Number(snapshots) } })
    // a change of the one that came last reaches the other, whose exchange brings nothing either
    await fresh.store.commit([{ type: 'put', key: '/new', value: Uint8Array.of(1) }])
    await announce(fresh, old)
    await old.store.idle()
    expect(await old.store.get('/new')).toEqual(Uint8Array.of(1))
  },
  30_000
)

test('peers of another cluster in the same network are not served', async () => {
  await using old = await start('one', false)
  await pin(old, 5)
  await using other = await start('two', false)
  await meet(other, old)
  await announce(old, other)
  await expect.poll(() => other.store.catchUp?.failures, { timeout: 10_000 }).toBeGreaterThan(0)
  expect(await keys(other)).toBe(0)
  expect(old.store.catchUp?.served.blocks).toBe(0)
}, 30_000)

test('a peer that goes away in the middle leaves no stream and no wait behind', async () => {
  const old = await start('one', false)
  await pin(old, 400)
  await using fresh = await start('one', true)
  await meet(fresh, old)
  await announce(old, fresh)
  await old[Symbol.asyncDispose]()
  await expect.poll(() => fresh.protocol.options.peers().length, { timeout: 10_000 }).toBe(0)
}, 30_000)
