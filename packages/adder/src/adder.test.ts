import { ClusterError, DEFAULT_ADD_PARAMS, type AddParams, type FileEntry, type Pin } from '@cluster/api'
import {
  adderConformance,
  addTo,
  ManualClock,
  MemoryAddTarget,
  memoryLogger,
  settle,
  testPeerId
} from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { createAdder } from './index.ts'

adderConformance('the UnixFS adder', () => createAdder())

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function file(path: string, ...parts: readonly Uint8Array[]): FileEntry {
  return { type: 'file', path, content: each(parts) }
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  await Promise.resolve()
  yield* items
}

describe('destinations', () => {
  const blocks = Array.from({ length: 600 }, (_, index) => bytesOf(`block ${index}`.padEnd(16)))

  it('lets the slowest living peer set the pace', async () => {
    const gate = Promise.withResolvers<undefined>()
    const [fast, slow] = [testPeerId(1), testPeerId(2)]
    const target = new MemoryAddTarget({
      allocations: [fast, slow],
      onBlock: async (peer) => {
        if (peer.equals(slow)) await gate.promise
      }
    })
    let read = 0
    async function* content(): AsyncGenerator<Uint8Array> {
      for (const block of blocks) {
        await Promise.resolve()
        read++
        yield block
      }
    }
    const entry: FileEntry = { type: 'file', path: 'f', content: content() }
    const adding = addTo(createAdder(), target, [entry], { chunker: 'size-16' })
    await settle()
    // 256 blocks wait, one was taken; one of these is the node above the first 174 leaves.
    expect(read).toBe(256)
    expect(target.blocksOf(slow)).toHaveLength(0)
    gate.resolve(undefined)
    await adding
    expect(target.blocksOf(slow)).toHaveLength(600 + 4 + 1)
    expect(target.blocksOf(fast)).toHaveLength(600 + 4 + 1)
  })

  it('drops a peer that takes nothing for too long', async () => {
    const clock = new ManualClock()
    const [good, stuck] = [testPeerId(1), testPeerId(2)]
    const isStuck = Promise.withResolvers<undefined>()
    const aborted = Promise.withResolvers<undefined>()
    const target = new MemoryAddTarget({
      allocations: [good, stuck],
      onBlock: (peer, _, { signal }) => {
        if (peer.equals(good)) return
        signal?.addEventListener('abort', () => {
          aborted.resolve(undefined)
        })
        isStuck.resolve(undefined)
        return new Promise<void>(() => undefined)
      }
    })
    const log = memoryLogger()
    const adder = createAdder({ clock, stallTimeoutMs: 1000, log })
    const adding = addTo(adder, target, [file('f', ...blocks)], { chunker: 'size-16' })
    await isStuck.promise
    await settle()
    await clock.advance(1000)
    await aborted.promise
    await adding
    expect(target.blocksOf(good)).toHaveLength(600 + 4 + 1)
    expect(log.lines.map(({ level }) => level)).toEqual(['warn'])
    expect(target.pinned[0]?.allocations).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  it('drops a peer that is less than half as fast as the others, but for its start', async () => {
    const clock = new ManualClock()
    const [fast, slow] = [testPeerId(1), testPeerId(2)]
    const held = Promise.withResolvers<undefined>()
    const target = new MemoryAddTarget({
      allocations: [fast, slow],
      onBlock: async (peer, _, { signal }) => {
        if (peer.equals(fast)) return
        held.resolve(undefined)
        await new Promise((resolve, reject) => {
          // It takes a block each second, so it never stalls.
          const cancel = clock.setTimer(clock.nowMs() + 1000, () => {
            resolve(undefined)
          })
          signal?.addEventListener('abort', () => {
            cancel()
            reject(new Error('aborted'))
          })
        })
      }
    })
    const log = memoryLogger()
    const adder = createAdder({ clock, stallTimeoutMs: 5000, lagTimeoutMs: 10_000, log })
    const adding = addTo(adder, target, [file('f', ...blocks)], { chunker: 'size-16' })
    await held.promise
    await settle()
    await clock.advance(9000)
    expect(target.blocksOf(slow)).toHaveLength(9)
    await clock.advance(2000)
    const { root } = await adding
    expect(target.blocksOf(fast)).toHaveLength(600 + 4 + 1)
    expect(target.blocksOf(slow).length).toBeLessThan(12)
    expect(JSON.stringify(log.lines)).toContain('less than half as fast as the others')
    expect(target.pinned.map(({ cid, allocations }) => [String(cid), allocations?.length])).toEqual([[String(root), 2]])
    expect(clock.pending).toBe(0)
  })

  it('drops a peer that does not confirm after the last block', async () => {
    const clock = new ManualClock()
    const taken = Promise.withResolvers<undefined>()
    const target = new MemoryAddTarget({
      onBlock: () => {
        taken.resolve(undefined)
        return new Promise<void>(() => undefined)
      }
    })
    const adder = createAdder({ clock, stallTimeoutMs: 10, finishTimeoutMs: 5000 })
    const adding = addTo(adder, target, [file('f', bytesOf('hello'))])
    const failed = expect(adding).rejects.toMatchObject({ code: 'ADD_FAILED' })
    await taken.promise
    await clock.advance(4999)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    await failed
    expect(target.pinned).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('stops early when all peers have failed', async () => {
    let read = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read++
        await new Promise(setImmediate)
        yield bytesOf(`block ${read}`.padEnd(16))
      }
    }
    const target = new MemoryAddTarget({
      allocations: [testPeerId(1), testPeerId(2)],
      onBlock: () => {
        throw new Error('disk full')
      }
    })
    const entry: FileEntry = { type: 'file', path: 'f', content: endless() }
    const adding = addTo(createAdder(), target, [entry], { chunker: 'size-16' })
    await expect(adding).rejects.toThrow('failed to put block on all destinations')
    expect(read).toBeLessThan(20)
  })

  it('fails without any destination', async () => {
    const adding = addTo(createAdder(), new MemoryAddTarget({ allocations: [] }), [file('f', bytesOf('x'))])
    await expect(adding).rejects.toThrow('failed to put block on all destinations')
  })

  it('counts a stream that ends early as failed', async () => {
    const target = new MemoryAddTarget()
    target.blockStream = () => Promise.resolve()
    await expect(addTo(createAdder(), target, [file('f', bytesOf('x'))])).rejects.toMatchObject({ code: 'ADD_FAILED' })
  })
})

describe('local', () => {
  const [self, other, third] = [testPeerId(0), testPeerId(1), testPeerId(2)]
  const pins = async (allocations: readonly (typeof self)[], params: Partial<AddParams>) => {
    const target = new MemoryAddTarget({ self, allocations })
    await addTo(createAdder(), target, [file('f', bytesOf('x'))], { local: true, ...params })
    expect(target.blocksOf(self)).toHaveLength(1)
    expect(target.streams).toBe(1)
    return target.pinned[0]?.allocations
  }

  it('sends to this peer only, which takes the place of the last allocated one', async () => {
    expect(await pins([other, third], {})).toEqual([other, self])
    expect(await pins([self, other], {})).toEqual([self, other])
    expect(await pins([], {})).toEqual([self])
  })

  it('leaves allocations that the user chose', async () => {
    expect(await pins([other, third], { userAllocations: [other] })).toEqual([other, third])
  })
})

describe('pins', () => {
  it('are recursive, follow up nothing, carry no shard size, and no allocations when they are everywhere', async () => {
    const target = new MemoryAddTarget({ allocations: [testPeerId(1)] })
    const params = { mode: 1, replicationFactorMin: -1, replicationFactorMax: -1, name: 'n' }
    await addTo(createAdder(), target, [file('f', bytesOf('x'))], params)
    const [pin] = target.pinned
    expect(pin).toMatchObject({ mode: 0, maxDepth: -1, shardSize: 0n, name: 'n', allocations: [] })
    expect(target.allocated).toHaveLength(1)
    expect(target.allocated[0]?.name).toBe('n')
  })

  it('are made once for roots that are equal, after all blocks are stored', async () => {
    const target = new MemoryAddTarget()
    await addTo(createAdder(), target, [file('a', bytesOf('x')), file('b', bytesOf('x'))])
    expect(target.pinned).toHaveLength(1)
    expect(target.allocated).toHaveLength(1)
  })
})

describe('a root that cannot be pinned', () => {
  it.each([
    [0, 'no room'],
    [1, 'no room; 1 of 2 roots stay pinned, the last of them QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC']
  ])('fails the add, which says what stays: after %d', async (before, message) => {
    class Full extends MemoryAddTarget {
      override pin(pin: Pin): Promise<Pin> {
        if (this.pinned.length === before) return Promise.reject(new ClusterError('STORAGE', 'no room'))
        return super.pin(pin)
      }
    }
    const target = new Full()
    const adding = addTo(createAdder(), target, [file('a', bytesOf('x')), file('b', bytesOf('y'))])
    await expect(adding).rejects.toMatchObject({ code: 'STORAGE', message })
    expect(target.pinned).toHaveLength(before)
  })
})

describe('limits', () => {
  it('takes only so many files and directories', async () => {
    const adder = createAdder({ maxEntries: 3 })
    // The top directory is the entry's own, what is between counts as well.
    const fits = [file('a/b/c', bytesOf('x'))]
    await addTo(adder, new MemoryAddTarget(), fits)
    const tooMany = addTo(adder, new MemoryAddTarget(), [file('a/b/c/d/e', bytesOf('x'))])
    await expect(tooMany).rejects.toMatchObject({ code: 'LIMIT' })
  })

  it('takes no endless path or target', async () => {
    const long = 'x'.repeat(70_000)
    const path = addTo(createAdder(), new MemoryAddTarget(), [file(long, bytesOf('x'))])
    await expect(path).rejects.toMatchObject({ code: 'LIMIT' })
    const link: FileEntry = { type: 'symlink', path: 'l', target: long }
    await expect(addTo(createAdder(), new MemoryAddTarget(), [link])).rejects.toMatchObject({ code: 'LIMIT' })
  })

  it('builds a directory tree that is very deep', async () => {
    const path = Array.from({ length: 5000 }, () => 'd').join('/')
    const { events } = await addTo(createAdder(), new MemoryAddTarget(), [file(path, bytesOf('x'))])
    expect(events).toHaveLength(5000)
  })
})

describe('entries', () => {
  it('refuses a directory where a file is, and a nameless file in a directory', async () => {
    const below = [file('d/f', bytesOf('x')), file('d/f/g', bytesOf('y'))]
    await expect(addTo(createAdder(), new MemoryAddTarget(), below)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    const nameless = addTo(createAdder(), new MemoryAddTarget(), [file('', bytesOf('x'))], { wrapWithDirectory: true })
    await expect(nameless).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  it('passes on the error of a source', async () => {
    // eslint-disable-next-line require-yield -- a source that fails before its first bytes
    async function* broken(): AsyncGenerator<Uint8Array> {
      await Promise.resolve()
      throw new Error('file vanished')
    }
    const target = new MemoryAddTarget()
    const adding = addTo(createAdder(), target, [{ type: 'file', path: 'f', content: broken() }])
    await expect(adding).rejects.toMatchObject({ code: 'ADD_FAILED', message: 'file vanished' })
    expect(target.pinned).toEqual([])
  })
})

describe('parameters', () => {
  it('reads no entry when they are wrong', async () => {
    let read = 0
    async function* entries(): AsyncGenerator<FileEntry> {
      read++
      await Promise.resolve()
      yield file('f', bytesOf('x'))
    }
    const params = { ...DEFAULT_ADD_PARAMS, cidVersion: 2 }
    const adding = createAdder().add(entries(), params, new MemoryAddTarget(), {})
    await expect(adding.next()).rejects.toThrow('bad CID Version: unknown CID version: 2')
    expect(read).toBe(0)
  })
})
