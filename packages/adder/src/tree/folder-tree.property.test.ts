import { addTo, MemoryAddTarget } from '@cluster/testing'
import type { FileEntry } from '@cluster/api'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compareNames } from './name-order.ts'
import { createAdder } from '../index.ts'

const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }).filter((text) => !/[/\0]|^\.\.?$/.test(text))
const paths = fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 12,
  selector: (parts) => parts.join('/')
})

async function* contentOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(text))
}

it('orders names as their bytes are ordered', () => {
  const property = fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
    expect(Math.sign(compareNames(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
  })
  fc.assert(property)
})

it('makes the same directory in whatever order its files come', async () => {
  const property = fc.asyncProperty(
    paths.filter((all) => !all.some((path) => all.some((other) => isInside(other, path)))),
    fc.infiniteStream(fc.nat()),
    async (all, order) => {
      const add = async (some: readonly (readonly string[])[]) => {
        const entries = some.map((path): FileEntry => {
          return { type: 'file', path: path.join('/'), content: contentOf(path.join('/')) }
        })
        const { root } = await addTo(createAdder(), new MemoryAddTarget(), entries, { wrapWithDirectory: true })
        return root.toString()
      }
      const ranks = new Map(all.map((path) => [path, order.next().value]))
      const shuffled = all.toSorted((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0))
      expect(await add(shuffled)).toBe(await add(all))
    }
  )
  await fc.assert(property, { numRuns: 60 })
})

/** Whether one path leads through the other, so that one of them would be a file and a directory at once. */
function isInside(path: readonly string[], folder: readonly string[]): boolean {
  return path !== folder && folder.every((part, index) => path[index] === part)
}
