import { Dice, mustHold, seededRandom, type Schedule, type SimulationReport } from '@cluster/testing'
import { checkRest, readRest } from './image.ts'
import { contentOf } from './model.ts'
import type { Peer } from './peer.ts'
import { Weather } from './weather.ts'
import { SETTLED_MS, Workload } from './workload.ts'
import { World } from './world.ts'

/** Simulated time within which healed peers must agree: some rounds of rebroadcasts, retries and repairs. */
const HEALING_MS = 600_000
const LOOK_MS = 500

/** What a step does, and how often. */
const STEPS = {
  commit: 40,
  wait: 24,
  waitLong: 3,
  crash: 4,
  plan: 3,
  stop: 2,
  start: 8,
  renew: 10,
  weather: 8,
  trust: 2,
  lie: 2,
  dirty: 1,
  reader: 1,
  check: 2
}

/**
 * Replicas under a random workload and random faults; then all faults end, and they must agree with each other, with the
 * reference model, and with everything that was acknowledged.
 */
export const runReplicas: Schedule = async (seed, report) => {
  const dice = new Dice(seededRandom(seed))
  const count = Number(dice.weighted({ 2: 3, 3: 5, 4: 4, 5: 2, 6: 1 }))
  const world = new World(dice, count, report)
  const workload = new Workload(world, seed)
  const weather = new Weather(world)
  // some join later, with nothing
  for (const peer of world.peers) if (peer.number < 2 || dice.chance(0.6)) peer.start(workload.options(peer))
  for (report.step = 1; report.step <= report.steps; report.step += 1) await step(world, workload, weather)
  await heal(world, workload, weather)
  await checkAll(world)
  await checkLastWriter(world, workload, report)
  for (const peer of world.peers) peer.stop()
  await untilAll(world, (peer) => (peer.isDown ? undefined : 'is still open'), 'every store can be closed')
  for (const peer of world.peers) checkRest(peer.image(), world.registry.blocks, peer.name)
}

async function step(world: World, workload: Workload, weather: Weather): Promise<void> {
  const { dice, peers } = world
  const peer = dice.pick(peers)
  if (peer === undefined) return
  switch (dice.weighted(STEPS)) {
    case 'commit':
      workload.commit()
      break
    case 'wait':
      await world.advance(dice.random() * 400)
      break
    case 'waitLong':
      await world.advance(dice.random() * 15_000)
      break
    case 'crash':
      peer.crash(dice.chance(0.5))
      break
    case 'plan':
      workload.planCrash(peer)
      break
    case 'stop':
      peer.stop()
      break
    case 'start':
      workload.revive(peer)
      break
    case 'renew':
      workload.renew(peer)
      break
    case 'weather':
      weather.change()
      break
    case 'trust':
      weather.changeTrust(peer)
      break
    case 'lie':
      workload.lie()
      break
    case 'dirty':
      workload.suspect(peer)
      break
    case 'reader':
      peer.process?.read()
      break
    case 'check':
      peer.check()
      break
  }
  // work of several steps often overlaps
  if (dice.chance(0.5)) await world.advance(dice.random() * 20)
}

async function heal(world: World, workload: Workload, weather: Weather): Promise<void> {
  world.tell(() => 'all faults end')
  weather.heal()
  for (const peer of world.peers) peer.disk.planCrash(undefined)
  await untilAll(
    world,
    (peer) => unrest(world, peer),
    'healed replicas become equal',
    () => {
      // again and again: some were just closing when the faults ended
      for (const peer of world.peers) if (peer.isDown) peer.start(workload.options(peer))
    }
  )
  await settle(world)
}

/** Lets pass what comes without news: answers on their way, readers of changes, heads that are joined. */
async function settle(world: World): Promise<void> {
  for (let before = ''; ;) {
    await untilAll(world, (peer) => unrest(world, peer), 'healed replicas become equal')
    const heads = world.peers[0] === undefined ? '' : readRest(world.peers[0].disk.entries).heads
    if (heads === before) return
    before = heads
    await world.advance(SETTLED_MS)
  }
}

/** What keeps a peer from having nothing left to do, and the heads of the first one. */
function unrest(world: World, peer: Peer): string | undefined {
  if (!peer.isUp) return 'is not up'
  if (peer.process?.waiting !== 0) return 'has commits without an answer'
  const { heads, left } = readRest(peer.disk.entries)
  if (left !== '') return left
  const [first] = world.peers
  if (first === undefined || first === peer) return undefined
  const common = readRest(first.disk.entries).heads
  return heads === common ? undefined : `has the heads ${heads}, not ${common}`
}

/** Moves time on until nobody says what keeps it. */
async function untilAll(
  world: World,
  obstacle: (peer: Peer) => string | undefined,
  invariant: string,
  meanwhile: () => void = () => undefined
): Promise<void> {
  for (let ms = 0; ; ms += LOOK_MS) {
    const missing = world.peers.find((peer) => obstacle(peer) !== undefined)
    if (missing === undefined) return
    mustHold(
      ms < HEALING_MS,
      invariant,
      () => `${missing.name} after ${HEALING_MS / 1000} s: ${obstacle(missing) ?? ''}`
    )
    meanwhile()
    await world.advance(LOOK_MS)
  }
}

async function checkAll(world: World): Promise<void> {
  const { registry, ledger, peers } = world
  const [first] = peers
  if (first === undefined) return
  const reference = first.image()
  for (const peer of peers) {
    const image = peer.image()
    peer.checkOrigin(image)
    checkRest(image, registry.blocks, peer.name)
    const isEqual = image.processed.size === reference.processed.size && image.processed.isSubsetOf(reference.processed)
    mustHold(isEqual, 'all replicas have the same blocks', () => `${first.name} and ${peer.name}`)
    await world.during(peer.checkContent())
  }
  ledger.check([...reference.processed].flatMap((id) => registry.blocks.get(id) ?? []))
}

/** When all is quiet and everybody knows everything, the last writer wins. */
async function checkLastWriter(world: World, workload: Workload, report: SimulationReport): Promise<void> {
  const { dice, peers } = world
  for (let round = 0; round < 3; round += 1) {
    report.step += 1
    const expected = new Map(contentValues(world))
    const writer = dice.pick(peers)
    if (writer === undefined) return
    for (const operation of workload.operations(2)) {
      writer.commit([operation], undefined)
      if (operation.type === 'delete') expected.delete(operation.key)
      else expected.set(operation.key, Buffer.from(operation.value).toString('latin1'))
    }
    await world.advance(LOOK_MS)
    await settle(world)
    for (const peer of peers) {
      for (const key of workload.keys) {
        mustHold(
          peer.valueOf(key) === expected.get(key),
          'in quiet times the last writer wins',
          () => `${peer.name}: ${key} is ${String(peer.valueOf(key))}, not ${String(expected.get(key))}`
        )
      }
    }
  }
  await checkAll(world)
}

function contentValues(world: World): [string, string][] {
  const blocks = [...(world.peers[0]?.image().processed ?? [])].flatMap((id) => world.registry.blocks.get(id) ?? [])
  return [...contentOf(blocks).values].map(([key, { value }]) => [key, value])
}
