import { findKubo, KuboDaemon } from '@cluster/testing'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

const file = await findKubo()
if (file === undefined) {
  process.stderr.write('\n*** SKIPPED: three real Kubo daemons, since there is no program "ipfs" on the PATH ***\n\n')
}

describe.skipIf(file === undefined)('three peers beside three Kubo daemons', () => {
  let cluster: TestCluster
  const daemons: KuboDaemon[] = []
  const peers: TestPeer[] = []

  const at = <T>(list: readonly T[], index: number): T => list[index] ?? expect.unreachable('there are three')
  const pinned = (kubo: KuboDaemon): Promise<string> => kubo.run('pin', 'ls', '--type=recursive', '-q')

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const secret = newSecret()
    for (const name of ['alpha', 'beta', 'gamma']) {
      const kubo = await KuboDaemon.start(file ?? '')
      daemons.push(kubo)
      const env = {
        CLUSTER_IPFSHTTP_NODEMULTIADDRESS: kubo.api,
        CLUSTER_IPFSHTTP_CONNECTSWARMSDELAY: '2s',
        CLUSTER_STATELESS_CONCURRENTPINS: '3'
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
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await Promise.all(daemons.map((kubo) => kubo[Symbol.asyncDispose]()))
  })

  it('shows the daemon beside each peer', async () => {
    const { stdout } = await at(peers, 0).ctl('peers', 'ls')
    for (const kubo of daemons) expect(stdout).toContain(`IPFS: ${await kubo.run('id', '-f', '<id>')}`)
  })

  it('connects the daemons with each other', async () => {
    for (const kubo of daemons) {
      await eventually(
        () => kubo.run('swarm', 'peers'),
        (swarm) => swarm.trim().split('\n').length === 2
      )
    }
  })

  it('adds through the cluster: pinned and readable at each daemon, seen with ipfs; unpinned likewise', async () => {
    const content = randomBytes(3_000_000)
    const path = join(cluster.folder, 'content.bin')
    await writeFile(path, content)
    const added = await at(peers, 0).ctl('add', '--quieter', path)
    expect(added).toMatchObject({ exitCode: 0, stderr: '' })
    const cid = added.stdout.trim()
    for (const kubo of daemons) {
      await eventually(
        () => pinned(kubo),
        (list) => list.split('\n').includes(cid)
      )
      expect(await kubo.run('files', 'stat', '--format=<cumulsize>', `/ipfs/${cid}`)).toMatch(/^300\d{4}\n$/)
    }
    expect((await at(peers, 1).ctl('status', cid)).stdout.match(/: PINNED \|/g)).toHaveLength(3)

    expect((await at(peers, 2).ctl('pin', 'rm', '--wait', cid)).exitCode).toBe(0)
    for (const kubo of daemons) {
      await eventually(
        () => pinned(kubo),
        (list) => !list.split('\n').includes(cid)
      )
    }
  })

  it('pins what one daemon has at all of them', async () => {
    const path = join(cluster.folder, 'elsewhere.bin')
    await writeFile(path, randomBytes(600_000))
    const cid = (await at(daemons, 2).run('add', '--pin=false', '--quieter', path)).trim()
    const done = await at(peers, 0).ctl('pin', 'add', '--wait', '--name', 'elsewhere', cid)
    expect(done.exitCode).toBe(0)
    expect(done.stdout.match(/: PINNED \|/g)).toHaveLength(3)
    for (const kubo of daemons) expect((await pinned(kubo)).split('\n')).toContain(cid)
  })

  it('answers on when a daemon is gone, and says so', async () => {
    await at(daemons, 1).kill()
    const { stdout, exitCode } = await at(peers, 1).ctl('id')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('IPFS request failed (is it running?) (id): connect ECONNREFUSED')
    const path = join(cluster.folder, 'late.bin')
    await writeFile(path, randomBytes(1000))
    const cid = (await at(daemons, 2).run('add', '--pin=false', '--quieter', path)).trim()
    expect((await at(peers, 0).ctl('pin', 'add', cid)).exitCode).toBe(0)
    const status = await eventually(
      () => at(peers, 0).ctl('status', cid),
      (answer) => answer.stdout.match(/: PINNED \|/g)?.length === 2 && answer.stdout.includes('PIN_ERROR')
    )
    expect(status.stdout).toMatch(/beta +: PIN_ERROR: IPFS request failed \(is it running\?\)/)
  })
})
