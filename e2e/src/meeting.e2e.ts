import { readFile } from 'node:fs/promises'
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

/** Whether a packet sent to the group of multicast DNS comes back to this machine. */
async function hasMulticast(): Promise<boolean> {
  const group = '224.0.0.251'
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, 2000, false)
  socket.on('error', () => {
    resolve(false)
  })
  socket.on('message', () => {
    resolve(true)
  })
  socket.bind(0, '0.0.0.0', () => {
    try {
      socket.addMembership(group, '127.0.0.1')
      socket.setMulticastInterface('127.0.0.1')
      socket.send('?', socket.address().port, group)
    } catch {
      resolve(false)
    }
  })
  const has = await promise
  clearTimeout(timer)
  socket.close()
  return has
}

const multicast = await hasMulticast()
if (!multicast) console.warn('NOT RUN: peers that meet by mDNS. This machine has no multicast, not even on loopback.')

async function seen(peer: TestPeer): Promise<string> {
  return (await peer.ctl('peers', 'ls')).stdout
}

describe.runIf(multicast)('peers that know only the secret', () => {
  let cluster: TestCluster

  beforeAll(async () => {
    cluster = await TestCluster.create()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('meet on the local network; those with another secret stay apart, and fill no log', async () => {
    const [secret, another] = [newSecret(), newSecret()]
    const env = { CLUSTER_MDNSINTERVAL: '10s' }
    const [alpha, beta, stranger] = await Promise.all([
      cluster.peer('alpha', secret, env),
      cluster.peer('beta', secret, env),
      cluster.peer('stranger', another, env)
    ])
    const processes = [stranger, alpha, beta].map((peer) => peer.start())
    await Promise.all(processes.map((process) => process.ready()))
    await eventually(
      () => Promise.all([seen(alpha), seen(beta)]),
      (lists) => lists.every((list) => /Sees 1 other peers/.test(list))
    )
    expect(await seen(stranger)).toContain('Sees 0 other peers')
    expect(await seen(alpha)).toContain(beta.id)
    for (const process of processes) {
      expect(process.lines.filter((line) => /ERROR|WARN/.test(line) && /secret|dial|connect|mDNS/.test(line))).toEqual(
        []
      )
    }
  })
})

describe('a cluster', () => {
  let cluster: TestCluster

  beforeAll(async () => {
    cluster = await TestCluster.create()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('that was stopped meets again by its saved addresses alone', async () => {
    const secret = newSecret()
    const peers: TestPeer[] = []
    for (const name of ['alpha', 'beta', 'gamma']) peers.push(await cluster.peer(name, secret))
    const together = (): Promise<unknown> =>
      eventually(
        () => Promise.all(peers.map(seen)),
        (lists) => lists.every((list) => list.match(/Sees 2 other peers/g)?.length === 3)
      )
    const [first] = peers
    const running = peers.map((peer) => peer.start(...(peer === first ? [] : ['-j', first?.address ?? ''])))
    await Promise.all(running.map((process) => process.ready()))
    await together()
    await Promise.all(running.map((process) => process.stop()))
    const saved = await readFile(join(peers[2]?.folder ?? '', 'peerstore'), 'utf8')
    expect(saved.trim().split('\n')).toHaveLength(2)
    const again = peers.map((peer) => peer.start())
    await Promise.all(again.map((process) => process.ready()))
    await together()
  })
})
