import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'

// each test starts a program, which takes long on a busy machine
vi.setConfig({ testTimeout: 60_000 })

interface Outcome {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

function run(...args: string[]): Promise<Outcome> {
  const program = fileURLToPath(new URL('program.fixture.ts', import.meta.url))
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@cluster/source', program, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr })
    })
  })
}

test('all schedules run, none fails', async () => {
  const { code, stdout } = await run('--schedules', '50', '--seed', '8', '--jobs', '2')
  expect(stdout).toMatch(
    /^counter: 50 schedules of 200 steps, seeds 8 to 57\n50 schedules in .* a second\nno violation\n$/
  )
  expect(code).toBe(0)
})

test('a failed schedule is printed with its last events and the command that runs it again', async () => {
  const { code, stdout } = await run('--schedules', '20', '--steps', '9', '--jobs', '2')
  expect(code).toBe(1)
  expect(stdout).toContain('  step 4: 4 ticks\n  step 5: 5 ticks\n\nVIOLATION of: seed 7 is lucky\n  seed 7, step 5\n')
  expect(stdout).toContain('npx nx simulate counter --schedules 1 --seed 7 --steps 9 --jobs 1\n')
})

test('a planted fault is found', async () => {
  const { code, stdout } = await run('--schedules', '3', '--jobs', '1', '--plant', 'deaf')
  expect(code).toBe(1)
  expect(stdout).toContain('VIOLATION of: every tick is counted\n  seed 1, step 1\n  0 of 1\n')
  expect(stdout).toContain('--seed 1 --steps 200 --jobs 1 --plant deaf\n')
})

test('a schedule that waits for nothing is a fault, too', async () => {
  const { code, stdout } = await run('--schedules', '3', '--seed', '20', '--jobs', '1', '--plant', 'endless')
  expect(code).toBe(1)
  expect(stdout).toContain('VIOLATION of: every schedule ends\n  seed 20, ')
})

test.for([
  ['gone', 'has 0 times: ticks - 1'],
  ['nowhere', '/nowhere.ts was not loaded']
] as const)('a fault that cannot be planted is an error: %s', async ([plant, text]) => {
  const { code, stderr } = await run('--plant', plant, '--jobs', '1')
  expect(code).toBe(1)
  expect(stderr).toContain(text)
})

test.for([
  [['--schedules', 'many'], '--schedules must be a number from 1 to 4294967295, not many'],
  [['--plant', 'rose'], 'there is no fault rose to plant; known: deaf, endless, gone, nowhere'],
  [['--sed', '1'], "Unknown option '--sed'"]
] as const)('a wrong command line is explained: %s', async ([args, text]) => {
  const { code, stderr } = await run(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(text)
})

test('the help names the faults', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  expect(stdout).toContain('Usage: npx nx simulate counter [options]')
  expect(stdout).toContain('deaf                 no tick is heard')
})
