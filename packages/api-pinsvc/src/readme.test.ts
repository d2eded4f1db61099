import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  expect(await runReadmeExample(import.meta.dirname)).toBe('202 1 docs pinned\n')
}, 20_000)
