import { freePort } from '@cluster/processes'
import { FakeKubo, findKubo, KuboDaemon } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

const PINS = 4
const RAW = 0x55
/** What is repaired only happens after this long, and then in rounds. */
const GRACE_MS = 8_000
const LIMIT_MS = 90_000

/** The IPFS daemon beside a peer, real or a stand-in. */
interface Daemon extends AsyncDisposable {
  readonly api: string
  pins(): Promise<readonly string[]>
  /** Ends it at once; what it held is gone with it. */
  kill(): Promise<void>
  /** Starts it again at the same address, with an empty repository, and near another one. */
  restart(neighbour: Daemon): Promise<void>
}

class RealDaemon implements Daemon {
  readonly api: string
  readonly #file: string
  #kubo: KuboDaemon

  private constructor(file: string, kubo: KuboDaemon) {
    this.#file = file
    this.#kubo = kubo
    this.api = kubo.api
  }

  static async start(file: string): Promise<RealDaemon> {
    const api = `/ip4/127.0.0.1/tcp/${(await freePort(0)).toString()}`
    return new RealDaemon(file, await KuboDaemon.start(file, { 'Addresses.API': api }))
  }

  async add(path: string): Promise<string> {
    return (await this.#kubo.run('add', '-Q', '--pin=false', path)).trim()
  }

  async pins(): Promise<readonly string[]> {
    return (await this.#kubo.run('pin', 'ls', '--type=recursive', '-q')).trim().split('\n')
  }

  async kill(): Promise<void> {
    await this.#kubo.kill()
    await this.#kubo[Symbol.asyncDispose]()
  }

  async restart(neighbour: Daemon): Promise<void> {
    this.#kubo = await KuboDaemon.start(this.#file, { 'Addresses.API': this.api })
    if (neighbour instanceof RealDaemon) {
      await this.#kubo.run('swarm', 'connect', await neighbour.#kubo.swarmAddress())
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kubo[Symbol.asyncDispose]()
  }
}

class StandIn implements Daemon {
  readonly api: string
  readonly #kubo: FakeKubo
  readonly #port: number
  readonly #blocks: { readonly cid: CID; readonly bytes: Uint8Array }[] = []

  private constructor(kubo: FakeKubo) {
    this.#kubo = kubo
    this.#port = kubo.port
    this.api = `/ip4/127.0.0.1/tcp/${kubo.port.toString()}`
  }

  static async start(): Promise<StandIn> {
    const texts = new URL('../../packages/testing/vectors/cli/kubo-texts.json', import.meta.url)
    const { answers } = JSON.parse(await readFile(texts, 'utf8')) as { readonly answers: Record<string, string> }
    return new StandIn(await FakeKubo.listen(answers))
  }

  provide(cid: CID, bytes: Uint8Array): void {
    this.#blocks.push({ cid, bytes })
    this.#kubo.provide(this.#blocks)
  }

  pins(): Promise<readonly string[]> {
    return Promise.resolve([...this.#kubo.pins.keys()])
  }

  async kill(): Promise<void> {
    await this.#kubo.close()
    this.#kubo.wipe()
  }

  async restart(): Promise<void> {
    this.#kubo.provide(this.#blocks)
    await this.#kubo.open(this.#port)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kubo.close()
  }
}

const file = await findKubo()
if (file === undefined) {
  process.stderr.write('\n*** repair: stand-ins for Kubo, since there is no program "ipfs" on the PATH ***\n\n')
}

describe('three peers, one of which loses its IPFS daemon', { timeout: 2 * LIMIT_MS }, () => {
  let cluster: TestCluster
  const daemons: Daemon[] = []
  const peers: TestPeer[] = []
  const cids: string[] = []
  const at = <T>(list: readonly T[], index: number): T => list[index] ?? expect.unreachable('there are three')

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const secret = newSecret()
    for (const name of ['alpha', 'beta', 'gamma']) {
      const daemon = file === undefined ? await StandIn.start() : await RealDaemon.start(file)
      daemons.push(daemon)
      const env = {
        CLUSTER_IPFSHTTP_NODEMULTIADDRESS: daemon.api,
        CLUSTER_IPFSHTTP_CONNECTSWARMSDELAY: '2s',
        CLUSTER_DISK_METRICTTL: '4s',
        CLUSTER_REPAIR_INTERVAL: '2s',
        CLUSTER_REPAIR_GRACEPERIOD: `${GRACE_MS.toString()}ms`
      }
      peers.push(await cluster.peer(name, secret, env, ['--ipfs', 'ipfshttp']))
    }
    const first = at(peers, 0)
    const processes = peers.map((peer) => peer.start(...(peer === first ? [] : ['-j', first.address])))
    await Promise.all(processes.map((process) => process.ready()))
    await eventually(
      () => first.ctl('peers', 'ls'),
      ({ stdout }) => stdout.match(/Sees 2 other peers/g)?.length === 3
    )
  }, LIMIT_MS)
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await Promise.all(daemons.map((daemon) => daemon[Symbol.asyncDispose]()))
  }, LIMIT_MS)

  const provide = async (text: string): Promise<string> => {
    const bytes = new TextEncoder().encode(text)
    const first = at(daemons, 0)
    if (first instanceof RealDaemon) {
      const path = join(cluster.folder, 'content')
      await writeFile(path, bytes)
      return await first.add(path)
    }
    const cid = CID.createV1(RAW, await sha256.digest(bytes))
    for (const daemon of daemons) if (daemon instanceof StandIn) daemon.provide(cid, bytes)
    return cid.toString()
  }
  const holdersOf = async (cid: string): Promise<string[]> => {
    const { stdout } = await at(peers, 0).ctl('--enc', 'json', 'pin', 'ls', cid)
    const { allocations } = JSON.parse(stdout) as { readonly allocations: readonly string[] }
    return allocations.map((id) => peers.find((peer) => peer.id === id)?.name ?? id).sort()
  }
  const holders = (): Promise<string[][]> => Promise.all(cids.map(holdersOf))

  it('holds the pins where it was told to', async () => {
    const first = at(peers, 0)
    await eventually(
      () => first.ctl('explain', '--replication', '2'),
      ({ stdout }) => stdout.match(/ candidate /g)?.length === 3,
      LIMIT_MS
    )
    const wanted = [at(peers, 0).id, at(peers, 2).id].join()
    for (let index = 0; index < PINS; index++) {
      const cid = await provide(`content ${index.toString()} of ${wanted}`)
      cids.push(cid)
      const done = await first.ctl('pin', 'add', '--replication', '2', '--allocations', wanted, '--wait', cid)
      expect(done).toMatchObject({ exitCode: 0, stderr: '' })
    }
    expect(await holders()).toEqual(cids.map(() => ['alpha', 'gamma']))
  })

  it('repairs elsewhere what the peer held, not before the grace period is over', async () => {
    const killedMs = Date.now()
    await at(daemons, 2).kill()
    await eventually(holders, (all) => all.every((names) => names.join() === 'alpha,beta'), LIMIT_MS)
    expect(Date.now() - killedMs).toBeGreaterThan(GRACE_MS)
    for (const cid of cids) expect(await at(daemons, 1).pins()).toContain(cid)
    const { stdout } = await at(peers, 0).ctl('peers', 'ls')
    expect(stdout.match(/ \| (alpha|beta|gamma) \| /g)).toHaveLength(3)
  })

  it('brings pins back to the peer when it is told to', async () => {
    await at(daemons, 2).restart(at(daemons, 0))
    const planned = await eventually(
      () => at(peers, 1).ctl('rebalance', '--dry-run'),
      ({ stdout }) => stdout.includes('| PLANNED |'),
      LIMIT_MS
    )
    const moves = planned.stdout.trim().split('\n').length
    expect(await holders()).toEqual(cids.map(() => ['alpha', 'beta']))
    const done = await at(peers, 1).ctl('rebalance')
    expect(done).toMatchObject({ exitCode: 0, stderr: '' })
    expect(done.stdout.match(/\| MOVED \|/g)).toHaveLength(moves)
    const returned = (await holders()).filter((names) => names.includes('gamma'))
    expect(returned).toHaveLength(moves)
    const held = await at(daemons, 2).pins()
    expect(cids.filter((cid) => held.includes(cid))).toHaveLength(moves)
  })

  it('empties a peer when it is told to, and gives it nothing until it is released', async () => {
    const [first, gamma] = [at(peers, 0), at(peers, 2)]
    const drained = await first.ctl('peers', 'drain', gamma.id)
    expect(drained).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await holders()).toEqual(cids.map(() => ['alpha', 'beta']))
    await eventually(
      () => at(peers, 1).ctl('peers', 'services'),
      ({ stdout }) => stdout.includes(`${gamma.id} | gamma | DRAINING`)
    )
    expect((await at(peers, 1).ctl('explain', '--replication', '1')).stdout).toMatch(/ {4}gamma +cordoned/)
    expect((await at(peers, 1).ctl('peers', 'uncordon', gamma.id)).stdout).toContain('| ACTIVE |')
  })
})
