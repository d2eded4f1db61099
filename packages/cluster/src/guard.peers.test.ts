import { ClusterError, DEFAULT_ADD_PARAMS, pinOf, type FileEntry, type Guarded, type Pin } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { cids, peersOfTest } from './peers.fixture.ts'

const start = peersOfTest()

/** Lets nothing happen to what is pinned, and says what it saw. */
function keeper(): Guarded & { readonly seen: (Pin | undefined)[] } {
  const seen: (Pin | undefined)[] = []
  return {
    seen,
    guard: (existing) => {
      seen.push(existing)
      if (existing !== undefined) throw new ClusterError('FORBIDDEN', 'mine')
    }
  }
}

async function* file(): AsyncGenerator<FileEntry> {
  async function* content(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from('content'))
  }
  yield await Promise.resolve({ type: 'file', path: 'a', content: content() } as const)
}

describe('a guard', () => {
  it('sees what a pin replaces, and can stop it', async () => {
    const cluster = await start(1)
    const { pins } = cluster.peer(0).core
    const [cid] = (await cids(1)) as [CID]
    const { guard, seen } = keeper()
    await pins.pin(pinOf(cid, { name: 'first' }), { guard })
    await expect(pins.pin(pinOf(cid, { name: 'second' }), { guard })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(pins.unpin(cid, { guard })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(seen.map((pin) => pin?.name)).toEqual([undefined, 'first', 'first'])
    expect((await pins.get(cid, {})).name).toBe('first')
  })

  it('sees the pin whose options another one takes', async () => {
    const cluster = await start(1)
    const { pins } = cluster.peer(0).core
    const [from, to] = (await cids(2)) as [CID, CID]
    await pins.pin(pinOf(from, { name: 'source' }), {})
    const { guard, seen } = keeper()
    await expect(pins.pin(pinOf(to, { pinUpdate: from }), { guard })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(seen.map((pin) => pin?.name)).toEqual(['source'])
    await expect(pins.get(to, {})).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
  })

  it('sees what added content replaces', async () => {
    const cluster = await start(1)
    const { content, pins } = cluster.peer(0).core
    const { guard } = keeper()
    const [first] = await Array.fromAsync(content.add(file(), { ...DEFAULT_ADD_PARAMS, name: 'first' }, { guard }))
    const again = content.add(file(), { ...DEFAULT_ADD_PARAMS, name: 'second' }, { guard })
    await expect(Array.fromAsync(again)).rejects.toThrow('mine')
    expect((await pins.get(first?.cid as CID, {})).name).toBe('first')
  })
})
