import { itemsOf, TrackerStatus } from '@cluster/api'
import type { IndexedTracker } from '@cluster/pintracker'
import type { Job } from '../job.ts'
import { ManyPins } from './many-pins.ts'
import { InstantDaemon, PeakMemory, usedBytes, withTracker } from './tracker-bench.ts'

const TRACKED = 100_000
const LISTED = 1_000_000
const FAILED = 10
/** Changes in one page, as the consensus hands them over. */
const PAGE = 1000
const PAGES_PER_LOOK = 32

async function applyAll(tracker: IndexedTracker, pins: ManyPins, count: number): Promise<void> {
  for (let at = 0; at < count; at += PAGE) {
    const length = Math.min(PAGE, count - at)
    await tracker.apply(
      Array.from({ length }, (_, index) => ({ type: 'pin' as const, pin: pins.at(at + index) })),
      {}
    )
  }
}

/** Resolves when so many operations have ended. */
function ended(tracker: IndexedTracker, count: number): Promise<void> {
  const done = TrackerStatus.pinned | TrackerStatus.pinError | TrackerStatus.unpinned
  let left = count
  return new Promise((resolve) => {
    tracker.addEventListener('status', ({ detail }) => {
      if ((detail.status & done) === 0) return
      left -= 1
      if (left === 0) resolve()
    })
  })
}

const track: Job = async (say) => {
  const pins = await ManyPins.create(TRACKED)
  await withTracker(pins, new InstantDaemon(pins), async (tracker) => {
    const startedMs = performance.now()
    const cpu = process.cpuUsage()
    const all = ended(tracker, TRACKED)
    await applyAll(tracker, pins, TRACKED)
    await all
    const seconds = (performance.now() - startedMs) / 1000
    const { user, system } = process.cpuUsage(cpu)
    say({ name: `track ${TRACKED} pins, instant daemon, LevelDB`, value: TRACKED / seconds, unit: 'pins/s' })
    say({ name: 'of that, processor time for each', value: (user + system) / TRACKED, unit: 'µs' })
    const untracked = ended(tracker, TRACKED)
    const againMs = performance.now()
    for (let at = 0; at < TRACKED; at += PAGE) {
      await tracker.apply(
        Array.from({ length: PAGE }, (_, index) => ({ type: 'unpin' as const, cid: pins.at(at + index).cid })),
        {}
      )
    }
    await untracked
    say({ name: `untrack them`, value: TRACKED / ((performance.now() - againMs) / 1000), unit: 'pins/s' })
  })
}

const queue: Job = async (say) => {
  const pins = await ManyPins.create(TRACKED)
  const gate = Promise.withResolvers<undefined>()
  await withTracker(pins, new InstantDaemon(pins, gate.promise), async (tracker) => {
    const before = usedBytes()
    await applyAll(tracker, pins, TRACKED)
    const waiting = tracker.pinQueueSize()
    say({ name: `heap growth with ${waiting} pins waiting`, value: (usedBytes() - before) / waiting, unit: 'B/pin' })
    gate.resolve(undefined)
  })
}

const list: Job = async (say) => {
  const pins = await ManyPins.create(LISTED)
  const daemon = new InstantDaemon(pins)
  await withTracker(pins, daemon, async (tracker) => {
    const auditMs = performance.now()
    const auditPeak = new PeakMemory()
    const look = setInterval(() => {
      auditPeak.look()
    }, 100)
    await Array.fromAsync(tracker.recoverAll({}))
    clearInterval(look)
    const seconds = (performance.now() - auditMs) / 1000
    say({ name: `compare ${LISTED} pins with the daemon's list, LevelDB`, value: LISTED / seconds, unit: 'pins/s' })
    say({ name: 'peak heap growth of that', value: auditPeak.heapMiB, unit: 'MiB' })

    daemon.failing = daemon.calls + FAILED
    const failed = ended(tracker, FAILED)
    for (let at = 0; at < FAILED; at += 1) await tracker.apply([{ type: 'pin', pin: pins.at(at * 1000) }], {})
    await failed

    for (const filter of [TrackerStatus.undefined, TrackerStatus.pinned]) {
      const peak = new PeakMemory()
      const calls = daemon.calls
      const startedMs = performance.now()
      const cpu = process.cpuUsage()
      let listed = 0
      let pages = 0
      for await (const page of tracker.statusAll(filter, {})) {
        listed += page.length
        if (pages++ % PAGES_PER_LOOK === 0) peak.look()
      }
      const rate = listed / ((performance.now() - startedMs) / 1000)
      const { user, system } = process.cpuUsage(cpu)
      const what = filter === TrackerStatus.undefined ? 'statusAll' : 'statusAll, filter pinned'
      say({ name: `${what}, ${listed} pins, LevelDB, ${daemon.calls - calls} calls`, value: rate, unit: 'pins/s' })
      say({ name: 'processor time for each', value: (user + system) / listed, unit: 'µs' })
      say({ name: 'peak heap growth of that', value: peak.heapMiB, unit: 'MiB' })
      say({ name: 'peak resident growth of that', value: peak.residentMiB, unit: 'MiB' })
    }
    for (const name of ['first', 'again']) {
      const startedMs = performance.now()
      const errors = await Array.fromAsync(itemsOf(tracker.statusAll(TrackerStatus.error, {})))
      say({ name: `the ${errors.length} errors among them, ${name}`, value: performance.now() - startedMs, unit: 'ms' })
    }
  })
}

/** What `nx bench pintracker` measures. */
export const jobs = { track, queue, list }
