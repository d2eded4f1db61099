import { describe, expect, it } from 'vitest'
import { jsonObjects, MAX_OBJECT_BYTES } from './json-objects.ts'

/** The texts found when a stream comes in pieces of some size, out of one buffer that is used again. */
async function cut(text: string | Uint8Array, size: number): Promise<string[]> {
  const whole = Buffer.from(text)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    await Promise.resolve()
    const buffer = Buffer.alloc(size)
    for (let at = 0; at < whole.length; at += size) {
      const length = whole.copy(buffer, 0, at, at + size)
      yield buffer.subarray(0, length)
      buffer.fill(0)
    }
  }
  const found: string[] = []
  for await (const page of jsonObjects(pieces()))
    found.push(...page.map(({ text, line }) => `${line.toString()} ${text}`))
  return found
}

describe('a stream of JSON objects', () => {
  const objects = ['{"a":"}\\"{"}', '{\n  "b": [{"c": {}}, "\\\\"],\r\n "é€": "𝄞"\n}', '{}', '{"d":1}']
  const text = `\ufeff\n ${objects[0] ?? ''}\t${objects[1] ?? ''}${objects[2] ?? ''}\n\n${objects[3] ?? ''}\n\n`

  it('is cut between them, wherever the pieces of the stream end', async () => {
    const [a, b, c, d] = objects
    for (const size of [3, 4, 5, 7, 64, 1000]) {
      expect(await cut(text, size)).toEqual([`2 ${a ?? ''}`, `2 ${b ?? ''}`, `5 ${c ?? ''}`, `7 ${d ?? ''}`])
    }
    expect(await cut(' \n\t', 2)).toEqual([])
  })

  it('with anything else in it is refused, with its line', async () => {
    await expect(cut('{}\n null', 1)).rejects.toMatchObject({ code: 'CORRUPT', message: /^line 2: .*found "n"$/ })
    await expect(cut('[{}]', 10)).rejects.toThrow('line 1: expected a pin as a JSON object, found "[{}]"')
    await expect(cut('\n{"a":', 2)).rejects.toThrow('line 2: the object that begins here does not end')
  })

  it('has a limit for one object', async () => {
    const endless = `{"a":"${'x'.repeat(MAX_OBJECT_BYTES)}`
    await expect(cut(endless, 65_536)).rejects.toMatchObject({ code: 'LIMIT' })
    await expect(cut(`${endless}"}`, MAX_OBJECT_BYTES * 2)).rejects.toMatchObject({ code: 'LIMIT' })
  })
})
