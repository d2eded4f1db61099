import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { chunkerOf } from './chunker.ts'

interface Case {
  readonly chunker: string
  readonly input: string
  readonly lengths: readonly number[]
}

const file = new URL('../../../testing/vectors/adder/chunks.json', import.meta.url)
const cases = JSON.parse(await readFile(file, 'utf8')) as readonly Case[]

/** `zeros(n)`, or `stream(n)`: the first bytes of SHA-256(`fixture:0`) ‖ SHA-256(`fixture:1`) ‖ … */
function dataOf(input: string): Uint8Array {
  const [, kind, count] = /^(\w+)\((\d+)\)$/.exec(input) ?? []
  const length = Number(count)
  const bytes = new Uint8Array(Math.ceil(length / 32) * 32)
  if (kind === 'stream') {
    for (let at = 0; at < length; at += 32)
      bytes.set(
        createHash('sha256')
          .update(`fixture:${at / 32}`)
          .digest(),
        at
      )
  }
  return bytes.subarray(0, length)
}

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve()
    yield bytes.subarray(at, at + size)
  }
}

async function lengthsOf(chunker: string, data: Uint8Array, partSize: number): Promise<number[]> {
  const lengths: number[] = []
  let at = 0
  for await (const { data: chunk } of chunkerOf(chunker)(inParts(data, partSize))) {
    expect(Buffer.compare(chunk, data.subarray(at, at + chunk.length))).toBe(0)
    at += chunk.length
    lengths.push(chunk.length)
  }
  expect(at).toBe(data.length)
  return lengths
}

describe('chunk boundaries', () => {
  // The reference never cuts with such small averages; here they are refused (behaviours.md §6.4.1).
  const refused = new Set(['rabin-20', 'rabin-47'])

  it.each(cases.filter(({ chunker }) => !refused.has(chunker)))('$chunker of $input', async (example) => {
    const data = dataOf(example.input)
    expect(await lengthsOf(example.chunker, data, 65_521)).toEqual(example.lengths)
    expect(await lengthsOf(example.chunker, data, Infinity)).toEqual(example.lengths)
    if (data.length <= 1_200_000) expect(await lengthsOf(example.chunker, data, 997)).toEqual(example.lengths)
  })

  it.each([...refused])('%s is refused', (chunker) => {
    expect(() => chunkerOf(chunker)).toThrow('rabin min must be greater than 16')
  })

  it('finds the same boundaries however the bytes arrive', async () => {
    const data = dataOf('stream(300000)')
    for (const chunker of ['rabin-64-256-1024', 'rabin-16-17-18', 'size-1000', 'buzhash']) {
      const whole = await lengthsOf(chunker, data, Infinity)
      for (const size of [1, 15, 16, 17, 1023]) expect(await lengthsOf(chunker, data, size)).toEqual(whole)
    }
  })
})
