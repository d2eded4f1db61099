import { findGoProgram, fromBundle, GoPeer, run } from '@cluster/processes'
import { findKubo, KuboDaemon } from '@cluster/testing'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

const [ipfs, service, ctl] = await Promise.all([
  findKubo(),
  findGoProgram('ipfs-cluster-service'),
  findGoProgram('ipfs-cluster-ctl')
])
const isThere = ipfs !== undefined && service !== undefined && ctl !== undefined
if (!isThere) {
  process.stderr.write(
    '\n*** SKIPPED: a cluster with a Go peer, since ipfs and the Go programs are not on the PATH ***\n\n'
  )
}

describe.skipIf(!isThere)('one of our peers and one of the Go implementation', () => {
  let cluster: TestCluster
  let kubo: KuboDaemon
  let go: GoPeer
  let ours: TestPeer
  /** Each peer asked by each program. */
  let views: readonly ((...args: string[]) => ReturnType<typeof run>)[]

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const secret = newSecret()
    kubo = await KuboDaemon.start(ipfs ?? '')
    const folder = join(cluster.folder, 'go')
    go = await GoPeer.create({ service: service ?? '', ctl: ctl ?? '', folder, secret, kubo: kubo.api })
    // More room than the Go peer's Kubo has, so that a single copy belongs to us.
    ours = await cluster.peer('ours', secret, { CLUSTER_EMBEDDED_STORAGEMAX: '500GB' })
    await go.start()
    await ours.start('-j', go.address).ready()
    const rest = `/ip4/127.0.0.1/tcp/${ours.restPort.toString()}`
    views = [
      (...args) => ours.ctl(...args),
      (...args) => go.ctl(...args),
      (...args) => go.ctlOf(rest, ...args),
      (...args) => run(fromBundle('ctl'), ['--host', go.rest, ...args])
    ]
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await go[Symbol.asyncDispose]()
    await kubo[Symbol.asyncDispose]()
  })

  it('see each other, whoever asks whom', async () => {
    for (const view of views) {
      await eventually(
        () => view('peers', 'ls'),
        ({ stdout }) => stdout.match(/Sees 1 other peers/g)?.length === 2 && !stdout.includes('ERROR')
      )
    }
  })

  it('read the metrics of each other', async () => {
    // Allocation asks for all of them: nothing can be added before each has those of the other. Our `ctl` has no such
    // command yet.
    const rest = `/ip4/127.0.0.1/tcp/${ours.restPort.toString()}`
    for (const at of [go.rest, rest]) {
      for (const name of ['ping', 'freespace', 'tag:group']) {
        const { stdout } = await eventually(
          () => go.ctlOf(at, 'health', 'metrics', name),
          (answer) => answer.stdout.trim().split('\n').length === 2
        )
        for (const { id } of [go, ours]) expect(stdout).toContain(`${id} | ${name}: `)
      }
    }
  })

  it('allocate to the one with more room: ours, as the Go peer sees it', async () => {
    const file = join(cluster.folder, 'small.bin')
    await writeFile(file, randomBytes(100_000))
    const { stdout } = await go.ctl('add', '--quieter', '--rmin', '1', '--rmax', '1', file)
    expect((await go.ctl('pin', 'ls', stdout.trim())).stdout).toContain(`Allocations: [${ours.id}]`)
    await eventually(
      () => ours.ctl('status', stdout.trim()),
      (status) => /> ours +: PINNED/.test(status.stdout)
    )
  })

  it.each(['ours', 'go'])('hold what is added at %s, both', async (where) => {
    const content = randomBytes(3_000_000)
    const file = join(cluster.folder, `at-${where}.bin`)
    await writeFile(file, content)
    const at = where === 'go' ? go : ours
    const added = await at.ctl('add', '--quieter', '--rmin', '2', '--rmax', '2', file)
    expect(added).toMatchObject({ exitCode: 0, stderr: '' })
    const cid = added.stdout.trim()
    for (const view of views) {
      await eventually(
        () => view('status', cid),
        (status) => status.stdout.match(/: PINNED \|/g)?.length === 2
      )
    }
    expect(await kubo.run('pin', 'ls', '--type=recursive', '-q')).toContain(cid)
    const response = await fetch(`${ours.gatewayUrl}/ipfs/${cid}`)
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true)
    // Unpinned at the other one.
    const other = where === 'go' ? ours : go
    expect((await other.ctl('pin', 'rm', cid)).exitCode).toBe(0)
    for (const view of views) {
      await eventually(
        () => view('pin', 'ls'),
        (list) => !list.stdout.includes(cid)
      )
    }
  })
})
