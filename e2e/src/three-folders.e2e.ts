import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'
import type { PeerProcess } from '@cluster/processes'

describe('three folders, by hand', () => {
  let cluster: TestCluster
  const peers: TestPeer[] = []
  const processes: PeerProcess[] = []
  let content: Buffer
  let cid: string

  const peerAt = (index: number): TestPeer => peers[index] ?? expect.unreachable('no such peer')

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const secret = newSecret()
    for (const name of ['alpha', 'beta', 'gamma']) {
      peers.push(
        await cluster.peer(name, secret, { CLUSTER_REPLICATIONFACTORMIN: '2', CLUSTER_REPLICATIONFACTORMAX: '2' })
      )
    }
    for (const peer of peers) processes.push(peer.start(...(processes.length === 0 ? [] : ['-j', peerAt(0).address])))
    await Promise.all(processes.map((process) => process.ready()))
    await eventually(
      () => peerAt(0).ctl('peers', 'ls'),
      ({ stdout }) => stdout.match(/Sees 2 other peers/g)?.length === 3
    )
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('writes folders that only their owner can read', async () => {
    const { stat } = await import('node:fs/promises')
    for (const file of ['service.json', 'identity.json']) {
      expect((await stat(join(peerAt(0).folder, file))).mode & 0o777).toBe(0o600)
    }
  })

  it('adds at one peer and reads at another', async () => {
    content = randomBytes(3_000_000)
    const file = join(cluster.folder, 'content.bin')
    await writeFile(file, content)
    const added = await peerAt(0).ctl('add', '--quieter', file)
    expect(added).toMatchObject({ exitCode: 0, stderr: '' })
    cid = added.stdout.trim()
    const { stdout } = await eventually(
      () => peerAt(1).ctl('status', cid),
      (status) => status.stdout.match(/: PINNED \|/g)?.length === 2
    )
    expect(stdout).toContain(`${cid} | `.slice(0, cid.length))
    const holder = peers.slice(1).find(({ name }) => new RegExp(`> ${name} +: PINNED`).test(stdout))
    const response = await fetch(`${holder?.gatewayUrl ?? ''}/ipfs/${cid}`)
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true)
  })

  it('lists, pins and unpins, the same seen from every peer', async () => {
    expect((await peerAt(2).ctl('pin', 'ls')).stdout).toMatch(
      new RegExp(`^${cid} \\| .* \\| PIN \\| Repl\\. Factor: 2--2`)
    )
    const everywhere = await peerAt(1).ctl('pin', 'add', '--replication', '-1', '--name', 'all', '--wait', cid)
    expect(everywhere.exitCode).toBe(0)
    expect(everywhere.stdout.match(/: PINNED \|/g)).toHaveLength(3)
    for (const peer of peers) {
      const response = await fetch(`${peer.gatewayUrl}/ipfs/${cid}`, { headers: { range: 'bytes=1000000-1000009' } })
      expect(response.status).toBe(206)
      expect(Buffer.from(await response.arrayBuffer())).toEqual(content.subarray(1_000_000, 1_000_010))
    }
    expect((await peerAt(2).ctl('pin', 'rm', '--wait', cid)).exitCode).toBe(0)
    await eventually(
      () => Promise.all(peers.map((peer) => peer.ctl('pin', 'ls'))),
      (lists) => lists.every(({ exitCode, stdout }) => exitCode === 0 && stdout === '')
    )
  })

  it('gives one clear line for what goes wrong', async () => {
    expect(await peerAt(0).ctl('pin', 'ls', 'nonsense')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error parsing cid: .+\n$/) as string
    })
    expect(await peerAt(0).ctl('add', join(cluster.folder, 'nothing-there'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error : .*nothing-there.*\n$/) as string
    })
    expect(await peerAt(0).ctl('pin', 'rm', cid)).toMatchObject({
      exitCode: 2,
      stdout: 'An error occurred:\n  Code: 404\n  Message: pin is not part of the pinset\n'
    })
  })

  it('stops in order at a signal, and leaves nothing behind', async () => {
    const last = processes[2] ?? expect.unreachable('no process')
    await last.stop()
    expect(last.exitCode).toBe(0)
    expect(await readFile(join(peerAt(2).folder, 'peerstore'), 'utf8')).toContain(peerAt(0).id)
  })
})
