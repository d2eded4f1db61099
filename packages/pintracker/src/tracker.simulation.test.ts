import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { tryOut } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { runTracker } from '../simulate/schedule.ts'

/** A long run: `npx nx simulate pintracker --schedules 100000`. */
const SCHEDULES = 60
const STEPS = 200
const FIRST_SEED = 1
/** For a test that runs many schedules in a child process, on a machine that does other things, too. */
const PATIENCE_MS = 60_000

test(
  `carries the pinset over whatever happens, seeds ${FIRST_SEED} to ${FIRST_SEED + SCHEDULES - 1}`,
  async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
      const again = `npx nx simulate pintracker --schedules 1 --seed ${seed}`
      expect(await tryOut(runTracker, seed, STEPS), again).toBe(undefined)
    }
  },
  PATIENCE_MS
)

describe('a planted fault is found', () => {
  test.for([
    ['forgotten-unpin', 'a healed peer holds what the pinset says'],
    ['lazy-disk', 'a healed peer holds what the pinset says'],
    ['late-retry', 'a healed peer holds what the pinset says'],
    ['endless-pause', 'a healed peer holds what the pinset says'],
    ['left-mark', 'a record lies where it is looked for']
  ] as const)('%s', { timeout: PATIENCE_MS }, async ([plant, invariant]) => {
    const program = fileURLToPath(new URL('../simulate/main.ts', import.meta.url))
    const args = ['--conditions=@cluster/source', program, '--schedules', '50', '--jobs', '1', '--plant', plant]
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
      execFile(process.execPath, args, (error, output) => {
        resolve({ code: error?.code, stdout: output })
      })
    })
    expect(stdout).toContain(`VIOLATION of: ${invariant}`)
    expect(stdout).toMatch(new RegExp(`Run it again: npx nx simulate pintracker .* --plant ${plant}\n`))
    expect(code).toBe(1)
  })
})
