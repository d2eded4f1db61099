import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Lints a package's index as if it held one import more; nothing is written. */
async function lintImport(folder: string, line: string): Promise<string> {
  const file = `${root}${folder}/src/index.ts`
  const args = [`${root}node_modules/eslint/bin/eslint.js`, '--stdin', '--stdin-filename', file]
  const eslint = spawn(process.execPath, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
  eslint.stdin.end(line)
  return text(eslint.stdout)
}

describe('the floors', { timeout: 120_000 }, () => {
  it('lint has nothing against an import that goes down', async () => {
    expect(await lintImport('packages/rpc', "export * from '@cluster/msgpack'\n")).not.toContain('module-boundaries')
  })

  it.each([
    ['an engine that imports the core', 'packages/rpc', "export * from '@cluster/cluster'\n"],
    ['a component that imports another', 'packages/pintracker', "export * from '@cluster/adder'\n"],
    ['the core that imports an engine', 'packages/cluster', "export * from '@cluster/host'\n"],
    ['the base that imports the contract', 'packages/msgpack', "export * from '@cluster/api'\n"]
  ])('lint refuses %s', async (_, folder, line) => {
    const report = await lintImport(folder, line)
    expect(report).toContain('@nx/enforce-module-boundaries')
    expect(report).toContain(`${folder}/src/index.ts`)
  })
})
