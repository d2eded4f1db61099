import { mustHold } from '@cluster/testing'
import { RaftError } from '../src/index.ts'
import type { Peer } from './peer.ts'
import type { World } from './world.ts'

/** Reasons for which an operation may not be done, or may be done without anybody being told. */
const EXPECTED = new Set([
  'RAFT_NOT_LEADER',
  'RAFT_LEADERSHIP_LOST',
  'RAFT_TRANSFER_IN_PROGRESS',
  'RAFT_TRANSFER_TIMEOUT',
  'RAFT_NO_SUCCESSOR',
  'RAFT_QUEUE_FULL',
  'RAFT_STORAGE_FULL',
  'RAFT_STORAGE_FAILED',
  'RAFT_BAD_CONFIGURATION',
  'RAFT_NOTHING_NEW',
  'RAFT_STOPPED'
])

/** What users do. */
export class Workload {
  readonly #world: World
  #operations = 0
  #last: 'no' | 'waiting' | 'done' = 'no'
  /** Calls that have no answer, of servers that run. */
  readonly pending = new Set<string>()
  #calls = 0

  constructor(world: World) {
    this.#world = world
  }

  get isLastDone(): boolean {
    return this.#last === 'done'
  }

  /** Some operations at once, at whoever leads or at anybody. */
  propose(): void {
    const { dice, peers } = this.#world
    const leaders = peers.filter(({ state }) => state?.role === 'leader')
    const peer = dice.chance(0.9) ? dice.pick(leaders) : dice.pick(peers)
    if (peer !== undefined) this.#propose(peer, dice.chance(0.8) ? 1 : dice.between(2, 8))
  }

  /** One more, when everything is well. */
  proposeLast(): void {
    if (this.#last !== 'no') return
    const leader = this.#world.peers
      .filter(({ state }) => state?.role === 'leader')
      .sort((a, b) => (b.state?.term ?? 0) - (a.state?.term ?? 0))[0]
    if (leader === undefined) return
    this.#last = 'waiting'
    this.#propose(leader, 1, (isDone) => {
      this.#last = isDone ? 'done' : 'no'
    })
  }

  change(peer: Peer): void {
    const { dice, peers } = this.#world
    const leader = dice.pick(peers.filter(({ state }) => state?.role === 'leader'))
    const { node } = leader ?? {}
    if (leader === undefined || node === undefined) return
    const isMember = node.state.configuration.servers.some(({ id }) => id === peer.name)
    const isAdding = !isMember || dice.chance(0.2)
    // the last ones must be able to agree when all is well
    if (!isAdding && node.state.configuration.servers.length <= 2) return
    this.#world.tell(() => `${leader.name} ${isAdding ? 'adds' : 'removes'} ${peer.name}`)
    this.#wait('change', leader, node.change({ type: isAdding ? 'add' : 'remove', id: peer.name }))
  }

  transfer(to: Peer): void {
    const { dice, peers } = this.#world
    const leader = dice.pick(peers.filter(({ state }) => state?.role === 'leader'))
    if (leader?.node === undefined) return
    this.#world.tell(() => `${leader.name} hands over to ${to.name}`)
    this.#wait('transfer', leader, leader.node.transferLeadership(dice.chance(0.5) ? to.name : undefined))
  }

  /** P9: after the barrier everything is there that was acknowledged before the call. */
  read(peer: Peer): void {
    const { node, machine } = peer
    if (node === undefined || machine === undefined) return
    const before = [...this.#world.ledger.acknowledged]
    this.#wait('read', peer, node.readBarrier(), () => {
      const have = new Set(machine.operations)
      const missing = before.find((operation) => !have.has(operation))
      mustHold(
        missing === undefined,
        'P9: a read sees everything acknowledged before it',
        () => `${peer.name} lacks operation ${missing ?? 0}`
      )
    })
  }

  snapshot(peer: Peer): void {
    if (peer.node !== undefined) this.#wait('snapshot', peer, peer.node.snapshot())
  }

  /** A crash in the middle of a write to come. */
  planCrash(peer: Peer): void {
    const { dice } = this.#world
    const isPowerLoss = dice.chance(0.7)
    peer.files.plan = {
      in: dice.between(1, 4),
      isBefore: dice.chance(0.5),
      crash: () => {
        peer.crash(isPowerLoss)
      }
    }
  }

  #propose(peer: Peer, count: number, done: (isDone: boolean) => void = () => undefined): void {
    const { node } = peer
    if (node === undefined) return
    const operations = Array.from({ length: count }, () => ++this.#operations)
    const length = this.#world.dice.chance(0.03) ? 2500 : 4
    const commands = operations.map((operation) => {
      const bytes = new Uint8Array(length)
      new DataView(bytes.buffer).setUint32(0, operation)
      return bytes
    })
    this.#world.tell(() => `${peer.name} is asked for ${operations.join(' ')}`)
    this.#wait(
      `propose ${operations.join(' ')}`,
      peer,
      node.propose(commands),
      (results) => {
        for (const [at, operation] of operations.entries()) {
          mustHold(
            results[at] === operation,
            'each caller gets its own result',
            () => `${operation}: ${String(results[at])}`
          )
          this.#world.ledger.acknowledged.add(operation)
        }
        this.#world.tell(() => `${peer.name} acknowledges ${operations.join(' ')}`)
        done(true)
      },
      () => {
        done(false)
      }
    )
  }

  /** Counts a call while its server runs, and looks at what came of it. */
  #wait<T>(
    what: string,
    peer: Peer,
    call: Promise<T>,
    check: (value: T) => void = () => undefined,
    failed: () => void = () => undefined
  ): void {
    const { node } = peer
    const isCounted = (): boolean => peer.node === node
    const label = `${what} at ${peer.name}, call ${++this.#calls}`
    this.pending.add(label)
    const settle = (): void => {
      this.pending.delete(label)
    }
    // whoever waits at a server that is gone gets no answer
    const look = (): void => {
      if (!this.pending.has(label)) return
      if (isCounted()) this.#world.clock.setTimer(this.#world.clock.nowMs() + 500, look)
      else {
        settle()
        failed()
      }
    }
    look()
    call.then(
      (value) => {
        settle()
        if (isCounted()) {
          this.#world.attempt(() => {
            check(value)
          })
        }
      },
      (error: unknown) => {
        const wasPending = this.pending.has(label)
        settle()
        if (!(error instanceof RaftError) || !EXPECTED.has(error.code)) this.#world.fail(error)
        if (wasPending) failed()
      }
    )
  }
}
