import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { afterEach, expect, test } from 'vitest'
import { votersOf } from '../configuration.ts'
import { ListMachine, MemoryLog, MemorySnapshots } from '../node/memory.fixture.ts'
import { RaftNode } from '../node/raft-node.ts'
import { bootstrap } from '../node/restore.ts'
import { connectedHosts } from './hosts.fixture.ts'
import { Libp2pTransport } from './libp2p-transport.ts'

/** The default of vitest is too short for a machine that does other things. */
const PATIENCE_MS = 60_000

interface Server {
  readonly host: Libp2p
  readonly node: RaftNode
  readonly machine: ListMachine
}

let hosts: Libp2p[] = []
let servers: Server[] = []
afterEach(async () => {
  for (const { node } of servers) await node.stop()
  for (const host of hosts) await host.stop()
  servers = []
  hosts = []
})

async function serverOn(host: Libp2p, voters: readonly Libp2p[]): Promise<Server> {
  const storage = { log: new MemoryLog(), snapshots: new MemorySnapshots() }
  if (voters.length > 0) await bootstrap(storage, votersOf(voters.map(({ peerId }) => peerId.toString())))
  const machine = new ListMachine()
  const transport = new Libp2pTransport({ host, peerIdOf: peerIdFromString, networkTimeoutMs: 5000 })
  const node = await RaftNode.open({
    id: host.peerId.toString(),
    ...storage,
    machine,
    transport,
    snapshotPolicy: { trailing: 0 }
  })
  await node.start()
  const server = { host, node, machine }
  servers.push(server)
  return server
}

async function leaderOf(all: readonly Server[]): Promise<Server> {
  await Promise.all(all.map(({ node }) => node.until(({ leader }) => leader !== undefined)))
  const leader = all.find(({ node }) => node.isLeader)
  if (leader === undefined) throw new Error('nobody leads')
  return leader
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

test('servers elect, replicate, take in a new one by snapshot, and hand over', { timeout: PATIENCE_MS }, async () => {
  hosts = await connectedHosts(4)
  const first = hosts.slice(0, 3)
  const all = await Promise.all(first.map((host) => serverOn(host, first)))
  const leader = await leaderOf(all)
  const texts = Array.from({ length: 300 }, (_, at) => `text ${at} ${'x'.repeat(at)}`)
  await Promise.all(texts.map((text) => leader.node.propose([bytesOf(text)])))
  expect([...leader.machine.texts].sort()).toEqual([...texts].sort())
  await leader.node.snapshot()

  const [, , , last] = hosts
  if (last === undefined) throw new Error('no host')
  const late = await serverOn(last, [])
  await leader.node.change({ type: 'add', id: last.peerId.toString() })
  const { lastIndex } = leader.node.state
  await Promise.all([...all, late].map(({ node }) => node.until(({ appliedIndex }) => appliedIndex >= lastIndex)))
  for (const { machine } of [...all, late]) expect(machine.texts).toEqual(leader.machine.texts)

  await leader.node.transferLeadership(last.peerId.toString())
  await late.node.until(({ role }) => role === 'leader')
  await late.node.propose([bytesOf('after')])
  await leader.node.until(({ appliedIndex }) => appliedIndex >= late.node.state.appliedIndex)
  expect(leader.machine.texts.at(-1)).toBe('after')
  await late.node.readBarrier()
})
