import { Dice, mustHold, seededRandom, type Schedule } from '@cluster/testing'
import type { Peer } from './peer.ts'
import { Weather } from './weather.ts'
import { Workload } from './workload.ts'
import { World } from './world.ts'

/** Simulated time within which healed servers must agree: some elections, and every wait that was begun before. */
const HEALING_MS = 120_000
const LOOK_MS = 100

/** What a step does, and how often. */
const STEPS = {
  propose: 40,
  wait: 30,
  waitLong: 5,
  crash: 5,
  crashLeader: 2,
  plan: 4,
  crashAll: 0.3,
  start: 14,
  stop: 2,
  weather: 9,
  change: 4,
  transfer: 2,
  read: 4,
  snapshot: 2
}

/**
 * Servers under a random workload and random faults; then all faults end, and a leader must be elected, what is pending
 * must finish, and all must agree with each other and with everything that was acknowledged.
 */
export const runServers: Schedule = async (seed, report) => {
  const dice = new Dice(seededRandom(seed))
  const voters = Number(dice.weighted({ 1: 1, 2: 2, 3: 8, 4: 2, 5: 5 }))
  const world = new World(dice, voters, dice.between(0, 2), report)
  const workload = new Workload(world)
  const weather = new Weather(world)
  for (const peer of world.peers) peer.start()
  for (report.step = 1; report.step <= report.steps; report.step += 1) await step(world, workload, weather)
  world.tell(() => 'all faults end')
  weather.heal()
  await settle(world, workload)
  check(world)
  for (const peer of world.peers) peer.stop()
  const ending = { isOver: false }
  void Promise.all(world.stopping).then(() => {
    ending.isOver = true
  })
  for (let ms = 0; !ending.isOver; ms += LOOK_MS) {
    mustHold(ms < HEALING_MS, 'every node can be stopped', () => 'one never ends')
    await world.advance(LOOK_MS)
  }
}

async function step(world: World, workload: Workload, weather: Weather): Promise<void> {
  const { dice, peers } = world
  const peer = dice.pick(peers)
  if (peer === undefined) return
  switch (dice.weighted(STEPS)) {
    case 'propose':
      workload.propose()
      break
    case 'wait':
      await world.advance(dice.random() * 60)
      break
    case 'waitLong':
      await world.advance(dice.random() * 2500)
      break
    case 'crash':
      peer.crash(dice.chance(0.6))
      break
    case 'crashLeader':
      peers.find(({ state }) => state?.role === 'leader')?.crash(dice.chance(0.6))
      break
    case 'plan':
      workload.planCrash(peer)
      break
    case 'crashAll':
      for (const one of peers) one.crash(dice.chance(0.6))
      for (const one of peers) one.start()
      break
    case 'start':
      for (const one of peers) if (dice.chance(0.7)) one.start()
      break
    case 'stop':
      peer.stop()
      break
    case 'weather':
      weather.change()
      break
    case 'change':
      workload.change(peer)
      break
    case 'transfer':
      workload.transfer(peer)
      break
    case 'read':
      workload.read(peer)
      break
    case 'snapshot':
      workload.snapshot(peer)
      break
  }
  // work of several steps often overlaps
  await world.advance(dice.chance(0.5) ? dice.random() * 10 : 0)
}

/** L1 and L2: a leader is elected, what is pending finishes, all members get to the same point. */
async function settle(world: World, workload: Workload): Promise<void> {
  for (let ms = 0; ; ms += LOOK_MS) {
    const obstacle = await unrest(world, workload)
    if (obstacle === undefined) return
    mustHold(ms < HEALING_MS, 'L1, L2: healed servers elect a leader and agree', () => obstacle)
    for (const peer of world.peers) if (!peer.isUp) peer.start()
    await world.advance(LOOK_MS)
  }
}

/** What is still missing. */
async function unrest(world: World, workload: Workload): Promise<string | undefined> {
  const states = world.peers.flatMap(({ state }) => (state === undefined ? [] : [state]))
  const leader = states
    .filter(({ role }) => role === 'leader')
    .reduce<(typeof states)[number] | undefined>((best, one) => (one.term > (best?.term ?? 0) ? one : best), undefined)
  if (states.length < world.peers.length) return 'not all are up'
  if (leader === undefined)
    return `nobody leads: ${states.map(({ id, role, term }) => `${id} ${role} ${term}`).join(', ')}`
  if (workload.pending.size > 0) return `pending: ${[...workload.pending].join(', ')}`
  for (const { id } of leader.configuration.servers) {
    const state = world.peer(id)?.state
    if (state?.appliedIndex !== leader.lastIndex) {
      return `${id} (${JSON.stringify({ ...state, configuration: undefined })}) has applied ${state?.appliedIndex ?? 0} of ${leader.lastIndex} (leader ${leader.id}, applied ${leader.appliedIndex})`
    }
  }
  // one more operation shows that it works
  if (!workload.isLastDone) {
    workload.proposeLast()
    await world.advance(0)
    return 'the last operation is not done'
  }
  return undefined
}

function check(world: World): void {
  const leader = world.peers.find(({ state }) => state?.role === 'leader')
  const members = leader?.state?.configuration.servers.map(({ id }) => world.peer(id)) ?? []
  for (const peer of members) {
    if (peer?.machine !== undefined) world.ledger.checkFinal(peer.name, peer.machine.operations)
  }
  for (const peer of world.peers) checkReads(peer)
}

/** P9: what a server shows is a prefix of what was committed. */
function checkReads({ name, machine, state }: Peer): void {
  if (machine === undefined || state === undefined) return
  mustHold(
    machine.index === state.appliedIndex,
    'P9: a state is that of its applied index',
    () => `${name}: ${machine.index}, not ${state.appliedIndex}`
  )
}
