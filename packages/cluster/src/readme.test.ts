import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  const stdout = await runReadmeExample(import.meta.dirname)
  const lines = stdout.trim().split('\n').sort()
  expect(lines).toEqual(['example peer_0 pinned', 'example peer_1 pinned', 'example peer_2 remote'])
})
