import { findGoProgram, GoPeer, type Outcome, type PeerProcess } from '@cluster/processes'
import { findKubo, KuboDaemon } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

const RAW = 0x55
const PINS = 10
const LIMIT_MS = 90_000

const [ipfs, service, ctl] = await Promise.all([
  findKubo(),
  findGoProgram('ipfs-cluster-service'),
  findGoProgram('ipfs-cluster-ctl')
])
const isThere = ipfs !== undefined && service !== undefined && ctl !== undefined
if (!isThere) {
  process.stderr.write(
    '\n*** SKIPPED: repair beside a Go peer, since ipfs and the Go programs are not on the PATH ***\n\n'
  )
}

describe.skipIf(!isThere)('NX-2: a Go peer and two of ours', { timeout: 2 * LIMIT_MS }, () => {
  let cluster: TestCluster
  let kubo: KuboDaemon
  let go: GoPeer
  const ours: TestPeer[] = []
  const processes: PeerProcess[] = []
  const first = (): TestPeer => ours[0] ?? expect.unreachable('there are two')
  const last = (): TestPeer => ours[1] ?? expect.unreachable('there are two')
  /** Each peer asked by its own program. */
  const views = (): readonly ((...args: string[]) => Promise<Outcome>)[] => [
    (...args) => go.ctl(...args),
    (...args) => first().ctl(...args),
    (...args) => last().ctl(...args)
  ]
  const absent = async (text: string): Promise<string> =>
    CID.createV1(RAW, await sha256.digest(new TextEncoder().encode(`${text} of ${go.id}`))).toString()
  const allocationsOf = async (cid: string): Promise<readonly string[]> => {
    const { stdout } = await first().ctl('--enc', 'json', 'pin', 'ls', cid)
    return (JSON.parse(stdout) as { readonly allocations: readonly string[] }).allocations
  }
  /** The statuses of a pin by peer, as one program tells them. */
  const statuses = (stdout: string): Record<string, string> => {
    const { peer_map: peers } = JSON.parse(stdout) as { readonly peer_map: Record<string, { readonly status: string }> }
    return Object.fromEntries(Object.entries(peers).map(([id, { status }]) => [id, status]))
  }

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const secret = newSecret()
    kubo = await KuboDaemon.start(ipfs ?? '')
    const folder = join(cluster.folder, 'go')
    const env = {
      CLUSTER_DISABLEREPINNING: 'false',
      CLUSTER_STATESYNCINTERVAL: '3s',
      // so long the first pin waits for heads of the Go peer, which has none
      CLUSTER_CRDT_REBROADCASTINTERVAL: '2s',
      CLUSTER_PUBSUBMON_CHECKINTERVAL: '2s'
    }
    go = await GoPeer.create({ service: service ?? '', ctl: ctl ?? '', folder, secret, kubo: kubo.api, env })
    await go.start()
    // The last one has room for one pin under way and one that waits.
    const narrow = { CLUSTER_STATELESS_CONCURRENTPINS: '1', CLUSTER_STATELESS_MAXPINQUEUESIZE: '1' }
    for (const name of ['beta', 'gamma']) {
      const peer = await cluster.peer(name, secret, name === 'gamma' ? { ...env, ...narrow } : env)
      ours.push(peer)
      const process = peer.start('-j', go.address)
      processes.push(process)
      await process.ready()
    }
    for (const view of views()) {
      await eventually(
        () => view('peers', 'ls'),
        ({ stdout }) => stdout.match(/Sees 2 other peers/g)?.length === 3 && !stdout.includes('ERROR'),
        LIMIT_MS
      )
    }
    await eventually(
      () => first().ctl('explain', '--replication', '1'),
      ({ stdout }) => stdout.match(/ candidate /g)?.length === 3,
      LIMIT_MS
    )
  }, LIMIT_MS)
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await go[Symbol.asyncDispose]()
    await kubo[Symbol.asyncDispose]()
  }, LIMIT_MS)

  it('tell the same statuses, whoever is asked', async () => {
    const both = async (cid: string, wanted: Record<string, string>): Promise<void> => {
      for (const view of views().slice(0, 2)) {
        await eventually(
          async () => statuses((await view('--enc', 'json', 'status', cid)).stdout),
          (answer) => JSON.stringify(Object.entries(answer).sort()) === JSON.stringify(Object.entries(wanted).sort()),
          LIMIT_MS
        )
      }
    }
    const [a, b, c] = [go.id, first().id, last().id]
    const atGo = await absent('held by the Go peer')
    await first().ctl('pin', 'add', '--no-status', '--replication', '1', '--allocations', a, atGo)
    await both(atGo, { [a]: 'pinning', [b]: 'remote', [c]: 'remote' })
    const atOurs = await absent('held by one of ours')
    await go.ctl('pin', 'add', '--no-status', '--replication', '1', '--allocations', b, atOurs)
    await both(atOurs, { [a]: 'remote', [b]: 'pinning', [c]: 'remote' })
    const everywhere = await absent('held everywhere')
    await go.ctl('pin', 'add', '--no-status', everywhere)
    await both(everywhere, { [a]: 'pinning', [b]: 'pinning', [c]: 'pinning' })
    for (const cid of [atGo, atOurs, everywhere]) await first().ctl('pin', 'rm', '--no-status', cid)
    await both(everywhere, { [a]: 'unpinned', [b]: 'unpinned', [c]: 'unpinned' })
  })

  it('tell why a pin failed at one of ours; the Go peer and its program take what they do not know', async () => {
    const cids = await Promise.all(['runs', 'waits', 'finds no room'].map(absent))
    for (const cid of cids) {
      await go.ctl('pin', 'add', '--no-status', '--replication', '1', '--allocations', last().id, cid)
      // One after the other: a batch of changes has no order of its own.
      await eventually(
        async () => statuses((await last().ctl('--enc', 'json', 'status', cid)).stdout)[last().id],
        (status) => status !== 'remote' && status !== 'unpinned',
        LIMIT_MS
      )
    }
    const refused = cids[2] ?? expect.unreachable('there are three')
    const error = 'pin/unpin operation queue is full. Try increasing max_pin_queue_size'
    const [atGo, ...atOurs] = await Promise.all(views().map((view) => view('--enc', 'json', 'status', refused)))
    const entryOf = (answer: Outcome | undefined): unknown => {
      const { peer_map: peers } = JSON.parse(answer?.stdout ?? '') as { readonly peer_map: Record<string, unknown> }
      return peers[last().id]
    }
    expect(entryOf(atGo)).toMatchObject({ status: 'pin_error', error })
    for (const answer of atOurs) {
      const retryAt: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT/)
      expect(entryOf(answer)).toMatchObject({ status: 'pin_error', error, reason: 'queue_full', retry_at: retryAt })
    }
    expect((await go.ctl('status', '--filter', 'error')).stdout).toContain(`PIN_ERROR: ${error} | `)
    for (const cid of cids) await first().ctl('pin', 'rm', '--no-status', cid)
  })

  it('take expired pins out, each the ones that are its own', async () => {
    const cids = await Promise.all(Array.from({ length: PINS }, (_, index) => absent(`expiring ${index.toString()}`)))
    for (const [index, cid] of cids.entries()) {
      const at = index % 2 === 0 ? go : first()
      await at.ctl('pin', 'add', '--no-status', '--expire-in', '3s', cid)
    }
    for (const view of views()) {
      await eventually(
        () => view('pin', 'ls'),
        ({ stdout }) => cids.every((cid) => !stdout.includes(cid)),
        LIMIT_MS
      )
    }
  })

  it('give the pins of a lost peer other holders, each the ones that are its own', async () => {
    const cids = await Promise.all(Array.from({ length: PINS }, (_, index) => absent(`lost ${index.toString()}`)))
    for (const [index, cid] of cids.entries()) {
      const at = index % 2 === 0 ? go : first()
      await at.ctl('pin', 'add', '--no-status', '--replication', '1', '--allocations', last().id, cid)
    }
    for (const cid of cids) expect(await allocationsOf(cid)).toEqual([last().id])
    await processes[1]?.kill()
    // Had one of the two not acted, some would stay: the chance that all belong to the other is one in a thousand.
    await eventually(
      () => Promise.all(cids.map(allocationsOf)),
      (all) => all.every((holders) => holders.length === 1 && !holders.includes(last().id)),
      LIMIT_MS
    )
    for (const cid of cids) {
      const { stdout } = await go.ctl('--enc', 'json', 'pin', 'ls', cid)
      expect((JSON.parse(stdout) as { readonly allocations: unknown }).allocations).toEqual(await allocationsOf(cid))
    }
  })
})
