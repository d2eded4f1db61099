import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  const stdout = await runReadmeExample(import.meta.dirname)
  expect(stdout).toContain('true { repoSize: 27n, storageMax: 10000000000n }')
})
