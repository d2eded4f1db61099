import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('runs the example of the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  expect(example).toBeDefined()
  const file = fileURLToPath(new URL(`../.readme-${process.pid}.ts`, import.meta.url))
  writeFileSync(file, example ?? '')
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@cluster/source', file], {
      encoding: 'utf8'
    })
    expect(stderr).toBe('')
    expect(stdout).toBe("24 { name: 'freespace', weight: 9007199254740993n }\n")
    expect(status).toBe(0)
  } finally {
    rmSync(file)
  }
})
