import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  expect(await runReadmeExample(import.meta.dirname)).toBe('tag:region eu\ntag:rack 7\n')
})
