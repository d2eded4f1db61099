import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the example of the README runs', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  expect(example).toBeDefined()
  const file = fileURLToPath(new URL(`../.readme-${process.pid}.ts`, import.meta.url))
  await writeFile(file, example ?? '')
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@cluster/source', file])
    expect(stdout).toBe('+49 30 1234\n')
  } finally {
    await rm(file, { force: true })
  }
})
