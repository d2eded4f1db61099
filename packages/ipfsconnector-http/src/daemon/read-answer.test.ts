import { seededRandom } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { readAll, readLines } from './read-answer.ts'

async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield* parts
}
const linesOf = async (...parts: readonly Uint8Array[]): Promise<string[]> =>
  (await Array.fromAsync(readLines(chunks(...parts)))).flat()

describe('reading answers', () => {
  it('finds the same lines wherever they are cut, also inside a character', async () => {
    const random = seededRandom(7)
    const lines = ['{"a":"ä€😀"}', '{"b":[1,2]}', 'x'.repeat(300), '0']
    const whole = Buffer.from(`${lines.join('\n')}\n`)
    for (let round = 0; round < 200; round++) {
      const parts: Uint8Array[] = []
      for (let at = 0; at < whole.length;) {
        const size = 1 + Math.floor(random() * 40)
        parts.push(whole.subarray(at, at + size))
        at += size
      }
      expect(await linesOf(...parts)).toEqual(lines)
    }
  })

  it('takes a last line without an end, and leaves empty lines out', async () => {
    expect(await linesOf(Buffer.from('\n\r\na\n\nb'))).toEqual(['a', 'b'])
    expect(await linesOf()).toEqual([])
  })

  it('refuses a line or an answer without end', async () => {
    const endless = Array.from({ length: 20 }, () => Buffer.alloc(65_536, 'x'))
    await expect(linesOf(...endless)).rejects.toMatchObject({ code: 'LIMIT' })
    await expect(readAll(chunks(Buffer.alloc(6), Buffer.alloc(5)), 10)).rejects.toMatchObject({ code: 'LIMIT' })
    expect(await readAll(chunks(Buffer.from('ab'), Buffer.from('c')), 3)).toEqual(Buffer.from('abc'))
  })
})
