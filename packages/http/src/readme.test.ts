import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

test('the example of the README runs', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const program = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const file = fileURLToPath(new URL(`../.readme-${process.pid}.ts`, import.meta.url))
  await writeFile(file, program)
  onTestFinished(() => rm(file))
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@cluster/source', file])
  expect(stdout).toContain('200 {"path":"a.txt","size":5}\n{"path":"b.txt","size":300000}')
}, 30_000)
