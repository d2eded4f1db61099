import { expect, it } from 'vitest'
import { runReadmeExample } from '../../../vitest.readme.ts'

it('runs the example of the README', async () => {
  const pins = '{"Keys":{"QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX":{"Type":"recursive","Name":"docs"}}}\n'
  expect(await runReadmeExample(import.meta.dirname)).toBe(pins)
}, 20_000)
