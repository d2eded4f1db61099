import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  const stdout = await runReadmeExample(import.meta.dirname)
  expect(stdout).toContain('recursive { repoSize: 25')
  expect(stdout).toContain('200 text/plain; charset=utf-8 hello from a pinned block')
  expect(stdout).toContain('removed bafkrei')
})
