import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  expect(await runReadmeExample(import.meta.dirname)).toBe(
    'hello bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq\n'
  )
})
