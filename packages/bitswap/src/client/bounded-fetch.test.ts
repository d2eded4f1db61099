import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { boundedFetch } from './bounded-fetch.ts'

const cid = (number: number): CID => CID.createV1(0x55, Digest.create(0x12, new Uint8Array(32).fill(number)))
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Fetched {
  cid: CID
  bytes: Uint8Array
}

/** A source of blocks that come when the test says so. */
class Source {
  readonly asked = new Map<string, (size: number) => void>()
  aborted = 0

  readonly fetch = (wanted: CID, signal: AbortSignal): Promise<Fetched> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.aborted += 1
        reject(new Error('aborted'))
      })
      this.asked.set(wanted.toString(), (size) => {
        resolve({ cid: wanted, bytes: new Uint8Array(size) })
      })
    })

  give(number: number, size = 1): void {
    this.asked.get(cid(number).toString())?.(size)
  }
}

describe('a fetch of many blocks', () => {
  it('asks for no more than may be pending, and yields as they arrive', async () => {
    const source = new Source()
    const blocks = boundedFetch([1, 2, 3, 4].map(cid), source.fetch, { maxPending: 2 })
    const first = blocks.next()
    await turn()
    expect(source.asked.size).toBe(2)
    source.give(2)
    expect((await first).value?.cid.equals(cid(2))).toBe(true)
    await turn()
    expect(source.asked.size).toBe(3)
    for (const number of [1, 3]) source.give(number)
    await turn()
    source.give(4)
    const rest: Fetched[] = []
    for await (const block of blocks) rest.push(block)
    expect(rest.map((block) => block.cid.toString())).toEqual([1, 3, 4].map((number) => cid(number).toString()))
  })

  it('asks for nothing more while too many bytes wait for the reader', async () => {
    const source = new Source()
    const blocks = boundedFetch([1, 2, 3, 4].map(cid), source.fetch, { maxPending: 2, maxBufferedBytes: 100 })
    const first = blocks.next()
    await turn()
    source.give(1, 10)
    await first
    await turn()
    source.give(2, 101)
    await turn()
    expect(source.asked.size).toBe(3)
    await blocks.next()
    await turn()
    expect(source.asked.size).toBe(4)
    await blocks.return()
  })

  it('fetches what is named twice once', async () => {
    const source = new Source()
    const blocks = boundedFetch([1, 1, 2, 1].map(cid), source.fetch)
    const first = blocks.next()
    await turn()
    for (const number of [1, 2]) source.give(number)
    await first
    expect((await blocks.next()).done).toBe(false)
    expect((await blocks.next()).done).toBe(true)
  })

  it('ends at once for nothing, and cancels what is left when it is broken off', async () => {
    const source = new Source()
    expect((await boundedFetch([], source.fetch).next()).done).toBe(true)
    const blocks = boundedFetch([1, 2].map(cid), source.fetch)
    const first = blocks.next()
    await turn()
    source.give(1)
    await first
    await blocks.return()
    expect(source.aborted).toBe(2)
  })

  it('fails with the first error, of a block, of the input or of the signal', async () => {
    const failing = (): Promise<Fetched> => Promise.reject(new Error('no block'))
    await expect(boundedFetch([cid(1)], failing).next()).rejects.toThrow('no block')
    function* broken(): Generator<CID> {
      yield cid(1)
      throw new Error('no input')
    }
    await expect(boundedFetch(broken(), new Source().fetch).next()).rejects.toThrow('no input')
    const abort = new AbortController()
    const waiting = expect(boundedFetch([cid(1)], new Source().fetch, abort).next()).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await waiting
    await expect(boundedFetch([cid(1)], new Source().fetch, abort).next()).rejects.toThrow('enough')
  })
})
