import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { lengthPrefix, readMessages } from './messages.ts'

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array | Uint8ArrayList> {
  await Promise.resolve()
  let offset = 0
  for (const size of sizes) {
    yield new Uint8ArrayList(bytes.subarray(offset, offset + 1), bytes.subarray(offset + 1, offset + size))
    offset += size
  }
  yield bytes.subarray(offset)
}

async function read(bytes: Uint8Array, maxLength = 1000, sizes: readonly number[] = []): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = []
  for await (const message of readMessages(cut(bytes, sizes), { maxLength })) messages.push(message)
  return messages
}

describe('length-prefixed messages', () => {
  it('writes varints as the specification of unsigned-varint does', () => {
    const examples: [number, number[]][] = [
      [1, [1]],
      [127, [127]],
      [128, [0x80, 1]],
      [255, [0xff, 1]],
      [300, [0xac, 2]],
      [16384, [0x80, 0x80, 1]],
      [Number.MAX_SAFE_INTEGER, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]]
    ]
    for (const [length, bytes] of examples) expect([...lengthPrefix(length)]).toEqual(bytes)
    expect(() => lengthPrefix(-1)).toThrow(RangeError)
  })

  it('reads what was written, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 20 }),
        async (messages, sizes) => {
          const parts = messages.flatMap((message) => [lengthPrefix(message.length), message])
          const read1 = await read(new Uint8ArrayList(...parts).subarray(), 300, sizes)
          expect(read1).toEqual(messages.map((message) => Uint8Array.from(message)))
        }
      )
    )
  })

  it('refuses a message that is too long before it has arrived', async () => {
    await expect(read(Uint8Array.of(0xe9, 7), 1000)).rejects.toMatchObject({ code: 'too_long' })
    expect(await read(Uint8Array.of(0), 0)).toEqual([new Uint8Array(0)])
  })

  it('refuses prefixes that are not minimal, too long, or cut', async () => {
    await expect(read(Uint8Array.of(0x81, 0))).rejects.toMatchObject({ code: 'bad_length_prefix' })
    await expect(read(new Uint8Array(12).fill(0xff))).rejects.toMatchObject({ code: 'bad_length_prefix' })
    await expect(read(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f))).rejects.toMatchObject({
      code: 'bad_length_prefix'
    })
    await expect(read(Uint8Array.of(0x81))).rejects.toMatchObject({ code: 'unexpected_end' })
    await expect(read(Uint8Array.of(2, 1))).rejects.toMatchObject({ code: 'unexpected_end' })
  })
})
