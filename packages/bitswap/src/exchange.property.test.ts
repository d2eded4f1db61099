import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { BlockKey } from './cid/key.ts'
import { parseCid, type WireCid } from './cid/parse.ts'
import { Client } from './client/client.ts'
import { defaultDontHaveTimeout } from './client/dont-have-timeout.ts'
import { type Envelope, Engine } from './server/engine.ts'
import type { WantlistEntry } from './wire/message.ts'

const PEERS = ['a', 'b', 'c']
const BLOCKS = 12
const BLOCK_BYTES = 2000
const MAX_WANTS = 5

function cid(number: number): WireCid {
  const bytes = new Uint8Array(36)
  bytes.set([1, 0x55, 0x12, 32, number])
  const parsed = parseCid(bytes)
  if (parsed === undefined) throw new Error('no cid')
  return parsed
}
const cids = Array.from({ length: BLOCKS }, (_, i) => cid(i))

/** A client and three servers with a network between them that only moves when it is told to. */
class World {
  nowMs = 0
  readonly received = new Set<BlockKey>()
  readonly client = new Client(
    {
      maxWantsPerPeer: MAX_WANTS,
      maxInFlightBytes: 8 * BLOCK_BYTES,
      simulateDontHave: true,
      dontHaveTimeout: defaultDontHaveTimeout,
      queuedWantsPerSession: 100,
      ownWants: 100
    },
    () => undefined,
    () => 0.5
  )
  readonly sessions = [0, 1].map(() => this.client.openSession({ broadcast: true, fixedPeers: false }))
  readonly servers = new Map(PEERS.map((name) => [name, new Remote()]))

  remote(name: string): Remote {
    const remote = this.servers.get(name)
    if (remote === undefined) throw new Error('no such peer')
    return remote
  }

  want(session: number, block: number): void {
    const [state, wanted] = [this.sessions[session], cids[block]]
    if (state === undefined || wanted === undefined) return
    this.received.delete(wanted.key)
    this.client.want(state, wanted, this.nowMs)
  }

  unwant(session: number, block: number): void {
    const [state, wanted] = [this.sessions[session], cids[block]]
    if (state !== undefined && wanted !== undefined) this.client.unwant(state, wanted.key, this.nowMs)
  }

  give(name: string, block: number): void {
    const wanted = cids[block]
    if (wanted === undefined) return
    const remote = this.remote(name)
    remote.blocks.add(wanted.key)
    if (remote.connected) remote.engine.announced(wanted.key, BLOCK_BYTES)
  }

  connect(name: string): void {
    const remote = this.remote(name)
    if (remote.connected) return
    remote.connected = true
    remote.engine.peerConnected('us')
    this.client.peerConnected(name, this.nowMs)
  }

  disconnect(name: string): void {
    const remote = this.remote(name)
    if (!remote.connected) return
    remote.connected = false
    remote.toServer.length = 0
    remote.toClient.length = 0
    remote.engine.peerDisconnected('us')
    this.client.peerDisconnected(name, this.nowMs)
  }

  /** What the client has to say goes on its way. */
  send(name: string): void {
    const remote = this.remote(name)
    if (!remote.connected) return
    const entries = this.client.compose(name, true, this.nowMs)
    let standing = 0
    for (const want of remote.engine.wantlist('us')) standing += Number(want.block !== 'unknown')
    expect(standing).toBeLessThanOrEqual(MAX_WANTS)
    if (entries.length === 0) return
    remote.toServer.push(
      entries.map((entry) => {
        const parsed = parseCid(entry.cid)
        if (parsed === undefined) throw new Error('no cid')
        return { ...entry, cid: parsed }
      })
    )
  }

  /** The server reads the next message, and answers what it can. */
  serve(name: string): void {
    const remote = this.remote(name)
    const entries = remote.toServer.shift()
    if (entries !== undefined) {
      for (const want of remote.engine.received('us', entries, false)) {
        remote.engine.found('us', want, remote.blocks.has(want.cid.key) ? BLOCK_BYTES : undefined)
      }
    }
    const envelope = remote.engine.next('us')
    if (envelope === undefined) return
    remote.toClient.push(envelope)
    remote.engine.sent('us', envelope.tasks)
  }

  /** The next answer arrives. */
  arrive(name: string): void {
    const envelope = this.remote(name).toClient.shift()
    if (envelope === undefined) return
    const of = (answer: string): WireCid[] =>
      envelope.tasks.filter((task) => task.answer === answer).map(({ want }) => want.cid)
    const blocks = of('block').map(({ key }) => ({ key, bytes: BLOCK_BYTES }))
    const wanted = this.client.received(name, { blocks, haves: of('have'), dontHaves: of('dont-have') }, this.nowMs)
    for (const key of wanted) this.received.add(key)
  }

  pass(ms: number): void {
    this.nowMs += ms
    this.client.tick(this.nowMs)
  }

  wanted(): WireCid[] {
    return [...this.client.wantlist()].map(({ forms }) => forms[0])
  }
}

class Remote {
  connected = false
  readonly blocks = new Set<BlockKey>()
  readonly toServer: WantlistEntry[][] = []
  readonly toClient: Envelope[] = []
  readonly engine = new Engine(
    {
      maxWantsPerPeer: 1024,
      remoteWants: 1024,
      targetMessageBytes: 2 * BLOCK_BYTES,
      wantHaveReplaceBytes: 1024,
      mayHave: () => true
    },
    () => undefined
  )
}

type Step =
  | readonly ['want' | 'unwant', session: number, block: number]
  | readonly ['give', peer: string, block: number]
  | readonly ['connect' | 'disconnect' | 'send' | 'serve' | 'arrive', peer: string]
  | readonly ['pass', ms: number]

const peer = fc.constantFrom(...PEERS)
const block = fc.nat(BLOCKS - 1)
const session = fc.constantFrom(0, 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('want' as const), session, block) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('unwant' as const), session, block) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('give' as const), peer, block) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('connect' as const, 'disconnect' as const), peer) },
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom('send' as const, 'serve' as const, 'arrive' as const), peer) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('pass' as const), fc.constantFrom(100, 1000, 7000, 40_000)) }
)

function run(world: World, taken: Step): void {
  switch (taken[0]) {
    case 'pass':
      world.pass(taken[1])
      break
    case 'give':
      world.give(taken[1], taken[2])
      break
    case 'want':
    case 'unwant':
      world[taken[0]](taken[1], taken[2])
      break
    case 'connect':
    case 'disconnect':
    case 'send':
    case 'serve':
    case 'arrive':
      world[taken[0]](taken[1])
  }
}

/** Lets everything arrive, and time pass, until nothing is wanted. */
function heal(world: World): void {
  for (const name of PEERS) world.connect(name)
  for (let round = 0; round < 3000 && world.wanted().length > 0; round += 1) {
    for (const name of PEERS) {
      world.send(name)
      world.serve(name)
      world.arrive(name)
    }
    world.pass(100)
  }
}

it('whatever happens on the way: once somebody has a block and answers, who wants it gets it, and nothing stays behind', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.array(peer, { minLength: BLOCKS }), (steps, owners) => {
      const world = new World()
      for (const one of steps) run(world, one)
      for (const wanted of world.wanted()) {
        const number = cids.findIndex(({ key }) => key === wanted.key)
        world.give(owners[number] ?? 'a', number)
      }
      const missing = world.wanted()
      heal(world)
      expect(world.wanted()).toEqual([])
      for (const { key } of missing) expect(world.received.has(key)).toBe(true)
      // The cancels arrive: no server remembers a want of ours.
      for (const name of PEERS) {
        world.send(name)
        for (let round = 0; round < 200; round += 1) {
          world.serve(name)
          world.arrive(name)
        }
        expect([...world.remote(name).engine.wantlist('us')]).toEqual([])
        expect(world.client.outgoing(name)).toBe('none')
      }
      expect(world.client.busy).toBe(false)
    }),
    { numRuns: 400 }
  )
})
