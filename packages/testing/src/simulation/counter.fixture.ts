import { seededRandom } from '../seeded-random.ts'
import { counted } from './counted.fixture.ts'
import type { Schedule } from './schedule.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { mustHold } from './violation.ts'

/** Counts ticks in simulated time; seed 7 does not end well. */
export const countTicks: Schedule = async (seed, report) => {
  const random = seededRandom(seed)
  const clock = new SimulatedClock()
  let ticks = 0
  for (report.step = 1; report.step <= report.steps; report.step += 1) {
    clock.setTimer(clock.nowMs() + random() * 10, () => {
      ticks = counted(ticks)
    })
    await clock.advance(10)
    report.trace?.(`${ticks} ticks`)
    mustHold(ticks === report.step, 'every tick is counted', () => `${ticks} of ${report.step}`)
    mustHold(seed !== 7 || report.step < 5, 'seed 7 is lucky')
  }
}
