import { describe, expect, it } from 'vitest'
import { ByteReader } from './byte-reader.ts'

function source(...chunks: readonly Uint8Array[]): { returned: boolean; iterable: AsyncIterable<Uint8Array> } {
  const state = { returned: false, iterable: undefined as unknown as AsyncIterable<Uint8Array> }
  const left = [...chunks]
  state.iterable = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const value = left.shift()
        return Promise.resolve(value === undefined ? { done: true, value } : { done: false, value })
      },
      return: () => {
        state.returned = true
        return Promise.resolve({ done: true, value: undefined })
      }
    })
  }
  return state
}

describe('ByteReader', () => {
  it('gives a value whose length shows while reading, and keeps what follows', async () => {
    const reader = new ByteReader(source(Uint8Array.of(3, 1), new Uint8Array(0), Uint8Array.of(2, 9, 8)).iterable)
    while (reader.buffered.length < 3) expect(await reader.fill()).toBe(true)
    expect([...reader.take(3)]).toEqual([3, 1, 2])
    expect([...reader.buffered]).toEqual([9, 8])
    reader.skip(1)
    expect([...(await reader.read(1))]).toEqual([8])
    expect(await reader.fill()).toBe(false)
    expect(await reader.fill()).toBe(false)
  })

  it('keeps its bytes right through many sizes', async () => {
    const chunks = Array.from({ length: 300 }, (_, i) => new Uint8Array((i * 37) % 9000).fill(i))
    const all = Buffer.concat(chunks)
    const reader = new ByteReader(source(...chunks).iterable)
    let offset = 0
    for (let size = 1; offset + size <= all.length; size += 13) {
      expect(Buffer.compare(await reader.read(size), all.subarray(offset, offset + size))).toBe(0)
      offset += size
    }
    while (await reader.fill());
    expect(Buffer.compare(reader.buffered, all.subarray(offset))).toBe(0)
  })

  it('hands out bytes that later reading does not change', async () => {
    const reader = new ByteReader(source(Uint8Array.of(1, 2), Uint8Array.of(3, 4)).iterable)
    const first = await reader.read(2)
    await reader.read(2)
    expect([...first]).toEqual([1, 2])
  })

  it('limits what it holds', async () => {
    const reader = new ByteReader(source(new Uint8Array(6), new Uint8Array(6)).iterable, { maxBuffered: 5 })
    await reader.fill()
    await expect(reader.fill()).rejects.toMatchObject({ code: 'too_long' })
    await expect(reader.read(6)).rejects.toMatchObject({ code: 'too_long' })
    expect((await reader.read(5)).length).toBe(5)
  })

  it('reports the end inside a value, and refuses to take what it does not have', async () => {
    const reader = new ByteReader(source(new Uint8Array(2)).iterable)
    expect(() => reader.take(1)).toThrow(RangeError)
    expect(() => {
      reader.skip(-1)
    }).toThrow(RangeError)
    await expect(reader.read(3)).rejects.toMatchObject({ code: 'unexpected_end' })
  })

  it('tells the source when it is given up', async () => {
    const from = source(new Uint8Array(2), new Uint8Array(2))
    const reader = new ByteReader(from.iterable)
    await reader.fill()
    await reader.close()
    expect(from.returned).toBe(true)
    expect(reader.buffered.length).toBe(0)
    expect(await reader.fill()).toBe(false)
  })
})
