import { tryOut } from '@cluster/testing'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runServers } from '../simulate/schedule.ts'

/** A long run: `npx nx simulate raft --schedules 100000`. */
const SCHEDULES = 100
const STEPS = 200
/** Seeds that found something once: they stay. */
const FOUND = [9, 10, 151, 334, 495, 1091, 1265, 1640, 1641, 2555, 18_288, 32_310, 34_401, 84_204]
/** For a test that runs many schedules, on a machine that does other things, too. */
const PATIENCE_MS = 180_000

test(
  `servers agree and lose nothing under random faults, seeds 1 to ${SCHEDULES} and those that found something`,
  async () => {
    const seeds = [...Array.from({ length: SCHEDULES }, (_, at) => at + 1), ...FOUND]
    for (const seed of seeds) {
      expect(await tryOut(runServers, seed, STEPS), `npx nx simulate raft --schedules 1 --seed ${seed}`).toBe(undefined)
    }
  },
  PATIENCE_MS
)

describe('a planted fault is found', () => {
  test.for([
    ['forgotten-vote', 'P8: no message has a term that is not on the disk of its sender'],
    ['counted-commit', 'P6: only an entry of the own term commits by counting'],
    ['committed-truncation', 'nothing unexpected is thrown'],
    ['stale-membership', 'P6: '],
    ['early-ack', 'P15: the log ends where it did']
  ] as const)('%s', { timeout: PATIENCE_MS }, async ([plant, invariant]) => {
    const program = fileURLToPath(new URL('../simulate/main.ts', import.meta.url))
    const args = ['--conditions=@cluster/source', program, '--schedules', '200', '--jobs', '1', '--plant', plant]
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
      execFile(process.execPath, args, (error, output) => {
        resolve({ code: error?.code, stdout: output })
      })
    })
    expect(stdout).toContain(`VIOLATION of: ${invariant}`)
    expect(stdout).toMatch(new RegExp(`Run it again: npx nx simulate raft .* --plant ${plant}\n`))
    expect(code).toBe(1)
  })
})
