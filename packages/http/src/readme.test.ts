import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  expect(await runReadmeExample(import.meta.dirname)).toContain(
    '200 {"path":"a.txt","size":5}\n{"path":"b.txt","size":300000}'
  )
})
