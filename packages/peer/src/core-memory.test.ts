import { MemoryDatastore } from '@cluster/testing'
import { expect, it } from 'vitest'
import { coreMemory } from './core-memory.ts'

it('keeps the last value', async () => {
  const memory = coreMemory(new MemoryDatastore())
  expect(await memory.load()).toBeUndefined()
  await memory.save(Uint8Array.of(1))
  await memory.save(Uint8Array.of(2, 3))
  expect(await memory.load()).toEqual(Uint8Array.of(2, 3))
})
