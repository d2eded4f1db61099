import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { tryOut } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { runReplicas } from '../simulate/schedule.ts'

/** A long run: `npx nx simulate merkle-crdt --schedules 100000`. */
const SCHEDULES = 50
const STEPS = 200
const FIRST_SEED = 1
/** For a test that runs many schedules in a child process, on a machine that does other things, too. */
const PATIENCE_MS = 180_000

test(
  `replicas agree and lose nothing under random faults, seeds ${FIRST_SEED} to ${FIRST_SEED + SCHEDULES - 1}`,
  async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
      expect(await tryOut(runReplicas, seed, STEPS), `npx nx simulate merkle-crdt --schedules 1 --seed ${seed}`).toBe(
        undefined
      )
    }
  },
  PATIENCE_MS
)

describe('a planted fault is found', () => {
  test.for([
    ['merge-rule', 'the values are those of the reference model'],
    ['early-ack', 'only what is durable is served'],
    ['dropped-head', 'healed replicas become equal']
  ] as const)('%s', { timeout: PATIENCE_MS }, async ([plant, invariant]) => {
    const program = fileURLToPath(new URL('../simulate/main.ts', import.meta.url))
    const args = ['--conditions=@cluster/source', program, '--schedules', '50', '--jobs', '1', '--plant', plant]
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
      execFile(process.execPath, args, (error, output) => {
        resolve({ code: error?.code, stdout: output })
      })
    })
    expect(stdout).toContain(`VIOLATION of: ${invariant}`)
    expect(stdout).toMatch(new RegExp(`Run it again: npx nx simulate merkle-crdt .* --plant ${plant}\n`))
    expect(code).toBe(1)
  })
})
