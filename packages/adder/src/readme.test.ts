import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  expect(await runReadmeExample(import.meta.dirname)).toBe(
    'notes/hello.txt QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX 13n\n' +
      'notes QmNfrJUJxKiiJwEjqhsPJ77hQkeCweUtFBgKcQKhP12d3L 68n\n' +
      '68 bytes stored\n'
  )
})
