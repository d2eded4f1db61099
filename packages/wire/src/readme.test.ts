import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  expect(await runReadmeExample(import.meta.dirname)).toBe(
    '53 48 closed\n{"replication_factor_min":0,"replication_factor_max":0\n'
  )
})
