import { afterEach, describe, expect, test } from 'vitest'
import { votersOf } from '../configuration.ts'
import type { RaftError } from '../errors.ts'
import type { RaftNodeOptions } from './options.ts'
import { LocalNetwork } from '../transport/local-network.ts'
import { ListMachine, MemoryLog, MemorySnapshots } from './memory.fixture.ts'
import { RaftNode } from './raft-node.ts'
import { bootstrap, hasState } from './restore.ts'

interface Server {
  readonly id: string
  readonly log: MemoryLog
  readonly snapshots: MemorySnapshots
  readonly machine: ListMachine
  readonly node: RaftNode
  readonly fatal: Promise<RaftError>
}

const PATIENCE_MS = 30_000
const fast = { heartbeatTimeoutMs: 100, electionTimeoutMs: 100, leaderLeaseTimeoutMs: 50 }
let running: RaftNode[] = []
afterEach(async () => {
  for (const node of running) await node.stop()
  running = []
})

async function open(
  network: LocalNetwork,
  id: string,
  former?: Server,
  more: Partial<RaftNodeOptions> = {}
): Promise<Server> {
  const { log = new MemoryLog(), snapshots = new MemorySnapshots() } = former ?? {}
  const machine = new ListMachine()
  const { promise: fatal, resolve: onFatal } = Promise.withResolvers<RaftError>()
  const transport = network.transport(id)
  const node = await RaftNode.open({ id, log, snapshots, machine, transport, timing: fast, onFatal, ...more })
  running.push(node)
  return { id, log, snapshots, machine, node, fatal }
}

async function cluster(
  network: LocalNetwork,
  ids: readonly string[],
  more: Partial<RaftNodeOptions> = {}
): Promise<Server[]> {
  const servers = await Promise.all(ids.map((id) => open(network, id, undefined, more)))
  const all: Server[] = []
  for (const { id, log, snapshots, node } of servers) {
    await node.stop()
    await bootstrap({ log, snapshots }, votersOf(ids))
    const again = await open(network, id, { log, snapshots } as Server, more)
    await again.node.start()
    all.push(again)
  }
  return all
}

async function leaderOf(all: readonly Server[]): Promise<Server> {
  const { signal } = new AbortController()
  const state = await Promise.any(all.map(({ node }) => node.until(({ role }) => role === 'leader', { signal })))
  const leader = all.find(({ id }) => id === state.id)
  if (leader === undefined) throw new Error('nobody leads')
  return leader
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('one server alone', () => {
  test('elects itself, and comes back with what it had', { timeout: PATIENCE_MS }, async () => {
    const network = new LocalNetwork()
    const [only] = await cluster(network, ['A'])
    if (only === undefined) throw new Error('no server')
    await leaderOf([only])
    expect(await only.node.propose([bytesOf('one'), bytesOf('two')])).toEqual([1, 2])
    await only.node.snapshot()
    expect(await only.node.propose([bytesOf('three')])).toEqual([3])
    await only.node.stop()
    await expect(only.node.propose([bytesOf('four')])).rejects.toMatchObject({ code: 'RAFT_STOPPED' })
    const again = await open(network, 'A', only)
    expect(again.machine.texts).toEqual(['one', 'two'])
    await again.node.start()
    await leaderOf([again])
    await again.node.readBarrier()
    expect(again.machine.texts).toEqual(['one', 'two', 'three'])
    await expect(again.node.transferLeadership()).rejects.toMatchObject({ code: 'RAFT_NO_SUCCESSOR' })
    await expect(again.node.change({ type: 'remove', id: 'A' })).rejects.toMatchObject({
      code: 'RAFT_BAD_CONFIGURATION'
    })
  })

  test('is bootstrapped once', async () => {
    const storage = { log: new MemoryLog(), snapshots: new MemorySnapshots() }
    expect(await hasState(storage)).toBe(false)
    await bootstrap(storage, votersOf(['A', 'B', 'A']))
    expect(await hasState(storage)).toBe(true)
    await expect(bootstrap(storage, votersOf(['A']))).rejects.toMatchObject({ code: 'RAFT_NOT_EMPTY' })
    await expect(bootstrap(storage, { servers: [] })).rejects.toMatchObject({ code: 'RAFT_BAD_CONFIGURATION' })
  })

  test('stops itself when its log fails, and says nothing good after that', { timeout: PATIENCE_MS }, async () => {
    const [only] = await cluster(new LocalNetwork(), ['A'])
    if (only === undefined) throw new Error('no server')
    await leaderOf([only])
    only.log.failure = new Error('EIO')
    await expect(only.node.propose([bytesOf('lost')])).rejects.toMatchObject({ code: 'RAFT_STORAGE_FAILED' })
    expect((await only.fatal).message).toBe('EIO')
    expect(only.node.state.role).toBe('broken')
    await expect(only.node.propose([bytesOf('more')])).rejects.toMatchObject({ code: 'RAFT_STORAGE_FAILED' })
    await expect(only.node.until(() => false)).rejects.toMatchObject({ code: 'RAFT_STORAGE_FAILED' })
    expect(only.machine.texts).toEqual([])
  })

  test('stops itself when its state machine fails', { timeout: PATIENCE_MS }, async () => {
    const [only] = await cluster(new LocalNetwork(), ['A'])
    if (only === undefined) throw new Error('no server')
    await leaderOf([only])
    only.machine.failure = new Error('no more')
    await expect(only.node.propose([bytesOf('lost')])).rejects.toMatchObject({ code: 'RAFT_MACHINE_FAILED' })
    expect((await only.fatal).code).toBe('RAFT_MACHINE_FAILED')
  })

  test('puts what gathers during a write into the next one', { timeout: PATIENCE_MS }, async () => {
    const [only] = await cluster(new LocalNetwork(), ['A'])
    if (only === undefined) throw new Error('no server')
    await leaderOf([only])
    await only.node.readBarrier()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<undefined>()
    only.log.gate = gate
    const before = only.log.writes
    const calls = Array.from({ length: 500 }, (_, at) => only.node.propose([bytesOf(String(at))]))
    openGate(undefined)
    await Promise.all(calls)
    expect(only.log.writes - before).toBe(2)
    expect(only.machine.texts.length).toBe(500)
  })

  test('takes only as much as its queue holds', { timeout: PATIENCE_MS }, async () => {
    const limits = { maxQueuedEntries: 3, enqueueTimeoutMs: 20, maxCommandBytes: 100 }
    const [only] = await cluster(new LocalNetwork(), ['A'], limits)
    if (only === undefined) throw new Error('no server')
    await leaderOf([only])
    await only.node.readBarrier()
    await expect(only.node.propose([new Uint8Array(101)])).rejects.toMatchObject({ code: 'RAFT_TOO_LARGE' })
    const { promise: gate, resolve: openGate } = Promise.withResolvers<undefined>()
    only.log.gate = gate
    const calls = Array.from({ length: 5 }, (_, at) => only.node.propose([bytesOf(String(at))]))
    await expect(calls[4]).rejects.toMatchObject({ code: 'RAFT_QUEUE_FULL', message: 'timed out enqueuing operation' })
    openGate(undefined)
    await Promise.all(calls.slice(0, 4))
    expect(only.machine.texts).toEqual(['0', '1', '2', '3'])
  })
})

test(
  'a leader without a majority tells its callers, and the operation may be there later',
  { timeout: PATIENCE_MS },
  async () => {
    const network = new LocalNetwork()
    const all = await cluster(network, ['A', 'B', 'C'])
    const leader = await leaderOf(all)
    await leader.node.readBarrier()
    const others = all.filter((one) => one !== leader)
    for (const { id } of others) network.isolate(id)
    await expect(leader.node.propose([bytesOf('late')])).rejects.toMatchObject({ code: 'RAFT_LEADERSHIP_LOST' })
    await expect(leader.node.propose([bytesOf('no')])).rejects.toMatchObject({ code: 'RAFT_NOT_LEADER' })
    for (const { id } of others) network.join(id)
    const next = await leaderOf(all)
    await next.node.propose([bytesOf('after')])
    expect(next.machine.texts.at(-1)).toBe('after')
  }
)

test('servers come and go', { timeout: PATIENCE_MS }, async () => {
  const network = new LocalNetwork()
  const [first] = await cluster(network, ['A'])
  if (first === undefined) throw new Error('no server')
  await leaderOf([first])
  const all = [first]
  for (const id of ['B', 'C', 'D', 'E']) {
    const more = await open(network, id)
    await more.node.start()
    all.push(more)
    await first.node.change({ type: 'add', id })
    await first.node.propose([bytesOf(id)])
  }
  await first.node.change({ type: 'add', id: 'E' })
  for (const { node } of all) await node.until(({ appliedIndex }) => appliedIndex >= first.node.state.lastIndex)
  for (const { machine } of all) expect(machine.texts).toEqual(['B', 'C', 'D', 'E'])
  for (const id of ['E', 'D', 'A']) await first.node.change({ type: 'remove', id })
  await first.node.until(({ role }) => role === 'follower')
  const left = all.filter(({ id }) => id === 'B' || id === 'C')
  const next = await leaderOf(left)
  await next.node.propose([bytesOf('two')])
  expect(next.node.state.configuration.servers.map(({ id }) => id)).toEqual(['B', 'C'])
  await expect(
    next.node.change({ type: 'remove', id: 'A' }, { signal: AbortSignal.abort(new Error('enough')) })
  ).rejects.toThrow('enough')
})
