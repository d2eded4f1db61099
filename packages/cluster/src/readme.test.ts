import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)

it('runs the example of the README', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  if (example === undefined) throw new Error('README.md has no example')
  const file = new URL(`../.readme-${process.pid}.ts`, import.meta.url)
  await writeFile(file, example)
  try {
    const { stdout } = await run(process.execPath, ['--conditions=@cluster/source', file.pathname])
    const lines = stdout.trim().split('\n').sort()
    expect(lines).toEqual(['example peer_0 pinned', 'example peer_1 pinned', 'example peer_2 remote'])
  } finally {
    await rm(file)
  }
}, 30_000)
