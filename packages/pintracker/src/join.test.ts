import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { join } from './join.ts'

/** Pages of sorted distinct keys, some of them empty, which a sloppy listing may give. */
const pages = fc
  .tuple(fc.uniqueArray(fc.stringMatching(/^[a-f]{1,2}$/)), fc.array(fc.nat({ max: 4 }), { minLength: 1 }))
  .map(([keys, sizes]) => {
    const sorted = keys.sort()
    const result: string[][] = []
    for (let at = 0, i = 0; at < sorted.length; i++) {
      const size = i > sorted.length ? 1 : (sizes[i % sizes.length] ?? 1)
      result.push(sorted.slice(at, at + size))
      at += size
    }
    return result
  })
const self = (key: string): string => key
async function* stream<T>(list: readonly T[], onEnd: () => void = () => undefined): AsyncGenerator<T> {
  try {
    for (const item of list) yield await Promise.resolve(item)
  } finally {
    onEnd()
  }
}

describe('join', () => {
  it('gives each key of either side once, in order, with the sides that have it', async () => {
    await fc.assert(
      fc.asyncProperty(pages, pages, async (left, right) => {
        const joined = (await Array.fromAsync(join(stream(left), self, stream(right), self))).flat()
        const [a, b] = [new Set(left.flat()), new Set(right.flat())]
        const expected = [...new Set([...a, ...b])].sort().map((key) => {
          return { key, left: a.has(key) ? key : undefined, right: b.has(key) ? key : undefined }
        })
        expect(joined).toEqual(expected)
      })
    )
  })

  it('frees both sides when it is broken off, or one fails', async () => {
    const ended: string[] = []
    const sides = () =>
      [
        stream([['a'], ['b'], ['c']], () => ended.push('left')),
        stream([['a'], ['c']], () => ended.push('right'))
      ] as const
    const [left, right] = sides()
    for await (const page of join(left, self, right, self)) {
      expect(page.length).toBeGreaterThan(0)
      break
    }
    expect(ended.sort()).toEqual(['left', 'right'])
    const [other] = sides()
    async function* failing(): AsyncGenerator<string[]> {
      yield await Promise.resolve(['a'])
      throw new Error('disk')
    }
    await expect(Array.fromAsync(join(other, self, failing(), self))).rejects.toThrow('disk')
    expect(ended).toHaveLength(3)
  })

  it('refuses a side that is out of order or repeats itself', async () => {
    for (const wrong of [[['b', 'a']], [['a'], ['a']]]) {
      const joined = join(stream(wrong), self, stream([['c']]), self)
      await expect(Array.fromAsync(joined)).rejects.toThrow(/^not in pinset order/)
    }
  })
})
