import { itemsOf } from '@cluster/api'
import { mustHold, seededRandom, type Schedule } from '@cluster/testing'
import { checkIndex, checkListing, checkStatuses, differenceOf, openOf } from './checks.ts'
import { Dice } from './dice.ts'
import { World } from './world.ts'

/** Simulated time within which a healed peer must have come to rest: the longest back-off, and some work. */
const HEALING_MS = 3 * 3_600_000
const LOOK_MS = 60_000
/** Calls to the daemon that one CID may cost in a minute, over a quarter of an hour: there is no busy loop. */
const CALLS_A_MINUTE = 12

/** What a step does, and how often. */
const STEPS = {
  change: 36,
  deliver: 10,
  wait: 22,
  waitLong: 5,
  daemon: 8,
  weather: 5,
  missing: 5,
  crash: 2,
  planCrash: 2,
  stop: 1,
  start: 6,
  recover: 5,
  recoverAll: 3,
  list: 3,
  pinset: 1,
  load: 3,
  clock: 1,
  lose: 0,
  replace: 0
}
/** Steps of schedules in which the daemon loses pins as well: only a comparison with it can tell. */
const LOSSES = { ...STEPS, lose: 5, replace: 1 }

/**
 * A tracker under random changes, faults of the daemon and crashes; then all faults end, and the daemon must hold what
 * the pinset says, and the tracker must say so.
 */
export const runTracker: Schedule = async (seed, report) => {
  const dice = new Dice(seededRandom(seed))
  const world = new World(dice, report)
  const isLossy = seed % 2 === 0
  world.boot()
  for (report.step = 1; report.step <= report.steps; report.step += 1) await step(world, isLossy)
  await heal(world, isLossy)
  await checkStatuses(world)
  await world.stop()
  checkIndex(world)
}

async function step(world: World, isLossy: boolean): Promise<void> {
  const { dice, daemon } = world
  if (world.isFatal) world.crash(false)
  const action = dice.weighted<keyof typeof LOSSES>(isLossy ? LOSSES : STEPS)
  world.tell(() => action)
  switch (action) {
    case 'change':
      world.change()
      if (dice.chance(0.7)) await world.deliver()
      break
    case 'deliver':
      await world.deliver()
      break
    case 'wait':
      await world.advance(dice.random() * 3000)
      break
    case 'waitLong':
      await waitLong(world)
      break
    case 'daemon':
      changeDaemon(world)
      break
    case 'weather':
      daemon.weather.errors = dice.pick([0, 0, 0.2, 0.8])
      daemon.weather.maxLatencyMs = dice.pick([5, 50, 2000])
      daemon.weather.brokenListings = dice.pick([0, 0.5])
      daemon.weather.isFull = dice.chance(0.1)
      break
    case 'missing':
      world.toggleMissing()
      break
    case 'crash':
      world.crash(dice.chance(0.6))
      break
    case 'planCrash':
      planCrash(world)
      break
    case 'stop':
      await world.stop()
      break
    case 'start':
      world.boot()
      break
    case 'recover':
      await recover(world)
      break
    case 'recoverAll':
      await recoverAll(world)
      break
    case 'list':
      await checkListing(world)
      break
    case 'pinset':
      world.pinset.isReadable = dice.chance(0.7)
      break
    case 'load':
      world.load = dice.pick(['none', 'none', 'some', 'full'])
      break
    case 'clock':
      world.setClock()
      break
    case 'lose':
      world.loseOne()
      break
    case 'replace':
      world.restartDaemon(dice.pick(['empty', 'other']))
      break
  }
}

/** A quarter of an hour in which nobody does anything: failed operations come back, but not all the time. */
async function waitLong(world: World): Promise<void> {
  const minutes = 15
  const before = world.daemon.calls
  await world.advance(minutes * 60_000)
  const calls = world.daemon.calls - before
  mustHold(
    calls <= minutes * CALLS_A_MINUTE * Math.max(4, world.pinset.pins.size),
    'the daemon is not asked all the time',
    () => `${calls} calls in ${minutes} minutes`
  )
}

function changeDaemon(world: World): void {
  const { dice, daemon } = world
  const state = dice.pick(['up', 'up', 'down', 'hung'] as const)
  if (state === 'up' && daemon.weather.state !== 'up') {
    world.restartDaemon('same')
    return
  }
  daemon.weather.state = state
  world.tell(() => `the daemon is ${state}`)
  daemon.changed()
}

function planCrash(world: World): void {
  const { dice } = world
  const isPowerCut = dice.chance(0.6)
  world.disk.planCrash({
    afterCommits: dice.between(1, 6),
    isBefore: dice.chance(0.5),
    crash: () => {
      world.crash(isPowerCut)
    }
  })
}

async function recover(world: World): Promise<void> {
  const { process } = world
  if (process === undefined) return
  const cid = world.cid()
  await world.during(process.tracker.recover(cid, { signal: limit(world) }), () => undefined)
}

async function recoverAll(world: World): Promise<boolean> {
  const { process } = world
  if (process === undefined) return false
  let isDone = true
  await world.during(Array.fromAsync(itemsOf(process.tracker.recoverAll({ signal: limit(world) }))), () => {
    isDone = false
  })
  return isDone
}

/** Callers do not wait for ever. */
function limit({ clock, dice }: World): AbortSignal {
  const abort = new AbortController()
  clock.setTimer(clock.nowMs() + dice.random() * 30_000, () => {
    abort.abort(new Error('the caller gave up'))
  })
  return abort.signal
}

async function heal(world: World, isLossy: boolean): Promise<void> {
  const { daemon, disk, pinset } = world
  world.tell(() => 'all faults end')
  disk.planCrash(undefined)
  pinset.isReadable = true
  daemon.missing.clear()
  Object.assign(daemon.weather, { state: 'up', errors: 0, maxLatencyMs: 50, brokenListings: 0, isFull: false })
  daemon.changed()
  if (world.isFatal) world.crash(false)
  world.boot()
  let isCompared = !isLossy
  for (let ms = 0; ; ms += LOOK_MS) {
    await world.deliver()
    if (!isCompared) isCompared = await recoverAll(world)
    const difference = isCompared && world.undelivered.length === 0 ? differenceOf(world) : 'it is not compared'
    const open = difference === undefined ? await openOf(world) : []
    if (difference === undefined && open.length === 0) return
    mustHold(ms < HEALING_MS, 'a healed peer holds what the pinset says', () => difference ?? open.join())
    await world.advance(LOOK_MS)
  }
}
