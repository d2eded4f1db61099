import type { FileEntry, Pin } from '@cluster/api'
import { addTo, MemoryAddTarget, testPeerId } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { createAdder } from '../index.ts'

const params = { shard: true, shardSize: 1000n, chunker: 'size-300', name: 'n' } as const

/** A file of blocks that all differ. */
function file(path: string, blocks: number): FileEntry {
  const bytes = Uint8Array.from({ length: blocks * 300 }, (_, index) => (index % 300) + Math.floor(index / 300) * 7)
  return { type: 'file', path, content: each([bytes]) }
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  await Promise.resolve()
  yield* items
}

/** Refuses the pin of one name. */
class RefusingTarget extends MemoryAddTarget {
  readonly #refused: string

  constructor(refused: string) {
    super()
    this.#refused = refused
  }

  override pin(pin: Pin): Promise<Pin> {
    if (pin.name === this.#refused) return Promise.reject(new Error('no room'))
    return super.pin(pin)
  }
}

describe('an add in shards that fails', () => {
  it('takes back the shards that it pinned, the last one first', async () => {
    const target = new RefusingTarget('n-clusterDAG')
    await expect(addTo(createAdder(), target, [file('f', 10)], params)).rejects.toThrow('no room')
    const shards = target.pinned.map(({ cid }) => cid.toString())
    expect(shards.length).toBeGreaterThan(2)
    // The pin that was refused may have been made all the same.
    expect(target.unpinned.slice(1).map(String)).toEqual(shards.toReversed())
  })

  it('leaves shards that were pinned before, as of the same content', async () => {
    const target = new RefusingTarget('m')
    await addTo(createAdder(), target, [file('f', 10)], params)
    const before = target.pinned.length
    const adding = addTo(createAdder(), target, [file('f', 10)], { ...params, name: 'm' })
    await expect(adding).rejects.toThrow('no room')
    expect(target.pinned.length).toBeGreaterThan(before)
    expect(target.unpinned).toEqual([])
  })

  it('says what it could not take back', async () => {
    const lines: string[] = []
    const log = (text: string, fields?: object): void => {
      lines.push(`${text} ${JSON.stringify(fields)}`)
    }
    const logger = { debug: log, info: log, warn: log, error: log, child: () => logger }
    class StuckTarget extends RefusingTarget {
      override unpin(): Promise<void> {
        return Promise.reject(new Error('gone'))
      }
    }
    const target = new StuckTarget('n')
    await expect(addTo(createAdder({ log: logger }), target, [file('f', 4)], params)).rejects.toThrow('no room')
    const left = lines.filter((line) => line.startsWith('an add in shards failed and left a pin behind'))
    expect(left.length).toBe(target.pinned.length + 1)
    expect(left[0]).toContain('gone')
  })

  it('goes on without a peer that fails, and gives up when all have', async () => {
    const [good, bad] = [testPeerId(1), testPeerId(2)]
    const broken = (allocations: (typeof good)[]): MemoryAddTarget =>
      new MemoryAddTarget({
        allocations,
        onBlock: (peer) => {
          if (peer.equals(bad)) throw new Error('disk full')
        }
      })
    const target = broken([good, bad])
    const { root } = await addTo(createAdder(), target, [file('f', 10)], params)
    expect(target.pinned.at(-1)?.cid.equals(root)).toBe(true)
    const failing = broken([bad])
    const adding = addTo(createAdder(), failing, [file('f', 10)], params)
    await expect(adding).rejects.toMatchObject({ code: 'ADD_FAILED' })
    expect(failing.pinned).toEqual([])
  })
})

describe('an add in shards', () => {
  it('gives each entry shards, a cluster DAG and a meta pin of its own', async () => {
    const target = new MemoryAddTarget()
    const { events } = await addTo(createAdder(), target, [file('a', 2), file('b', 5)], params)
    expect(events.map(({ name }) => name)).toEqual([
      ...['a', 'shard-0', 'n-clusterDAG'],
      ...['shard-0', 'b', 'shard-1', 'n-clusterDAG']
    ])
  })

  it('asks for allocations per shard', async () => {
    const target = new MemoryAddTarget()
    const { events } = await addTo(createAdder(), target, [file('f', 10)], params)
    expect(target.allocated.length).toBe(events.filter(({ name }) => name.startsWith('shard-')).length)
  })
})
