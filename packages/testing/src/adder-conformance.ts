import { DEFAULT_ADD_PARAMS, type AddedOutput, type Adder, type AddParams, type FileEntry } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { MemoryAddTarget } from './memory-add-target.ts'
import { testPeerId } from './test-peer-id.ts'

/** The default DAG of the text `hello` as a file, as every IPFS implementation makes it. */
const HELLO = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
const EMPTY_DIRECTORY = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'

/**
 * What every {@link Adder} must do. Call it at the top of a test file.
 *
 * @param create - gives a new adder on each call
 */
export function adderConformance(name: string, create: () => Adder): void {
  describe(`${name} as Adder`, () => {
    it('stores the blocks of a file at the allocated peers, then pins its root there', async () => {
      const peers = [testPeerId(1), testPeerId(2)]
      const target = new MemoryAddTarget({ allocations: peers })
      const { events, root } = await addTo(create(), target, [file('hello.txt', 'hello')])
      expect(root.toString()).toBe(HELLO)
      expect(events).toEqual([{ name: 'hello.txt', cid: root, size: 13n, bytes: 0n, allocations: peers }])
      for (const peer of peers) expect(target.blocksOf(peer).map(({ cid }) => cid.toString())).toEqual([HELLO])
      expect(target.pinned.map(({ cid }) => cid.toString())).toEqual([HELLO])
      expect(target.pinned[0]?.allocations).toEqual(peers)
    })

    it('gives files in upload order, then directories by name, each after its children', async () => {
      const entries = [directory('d'), file('d/b', 'b'), directory('d/sub'), file('d/sub/x', 'x'), file('d/a', 'a')]
      const { events, root } = await addTo(create(), new MemoryAddTarget(), entries)
      expect(events.map((event) => event.name)).toEqual(['d/b', 'd/sub/x', 'd/a', 'd/sub', 'd'])
      expect(events.at(-1)?.cid?.equals(root)).toBe(true)
    })

    it('wraps everything in one unnamed directory when asked', async () => {
      const { events, root } = await addTo(create(), new MemoryAddTarget(), [file('a', 'a'), file('b', 'b')], {
        wrapWithDirectory: true
      })
      expect(events.map((event) => event.name)).toEqual(['a', 'b', ''])
      expect(events.at(-1)?.cid?.equals(root)).toBe(true)
    })

    it('pins each top-level entry when there is no directory around them', async () => {
      const target = new MemoryAddTarget()
      const { events } = await addTo(create(), target, [file('a', 'a'), directory('d'), file('b', 'b')])
      expect(target.pinned.map(({ cid }) => cid.toString())).toEqual(events.map(({ cid }) => cid?.toString()))
      expect(events[1]?.cid?.toString()).toBe(EMPTY_DIRECTORY)
    })

    it('does not pin when told so', async () => {
      const target = new MemoryAddTarget()
      const { root } = await addTo(create(), target, [file('hello.txt', 'hello')], { noPin: true })
      expect(root.toString()).toBe(HELLO)
      expect(target.pinned).toEqual([])
    })

    it('goes on without a peer that fails, and pins to all', async () => {
      const [good, bad] = [testPeerId(1), testPeerId(2)]
      const target = new MemoryAddTarget({
        allocations: [good, bad],
        onBlock: (peer) => {
          if (peer.equals(bad)) throw new Error('disk full')
        }
      })
      const { root } = await addTo(create(), target, [file('hello.txt', 'hello')])
      expect(root.toString()).toBe(HELLO)
      expect(target.blocksOf(good)).toHaveLength(1)
      expect(target.pinned[0]?.allocations).toEqual([good, bad])
    })

    it('fails and pins nothing when all peers fail', async () => {
      const target = new MemoryAddTarget({
        onBlock: () => {
          throw new Error('disk full')
        }
      })
      const adding = addTo(create(), target, [file('hello.txt', 'hello')])
      await expect(adding).rejects.toMatchObject({ code: 'ADD_FAILED' })
      expect(target.pinned).toEqual([])
    })

    it('fails when there is nothing to add', async () => {
      await expect(addTo(create(), new MemoryAddTarget(), [])).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    })

    it('stops at an abort, also while the source hangs', async () => {
      const target = new MemoryAddTarget()
      const abort = new AbortController()
      const hanging = Promise.withResolvers<never>()
      async function* content(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(10)
        abort.abort()
        yield await hanging.promise
      }
      const entries = [{ type: 'file', path: 'slow', content: content() } as const]
      const adding = addTo(create(), target, entries, {}, abort.signal)
      await expect(adding).rejects.toMatchObject({ code: 'ABORTED' })
      expect(target.pinned).toEqual([])
    })

    it('ends its streams when the reader of the events breaks off', async () => {
      const ended = Promise.withResolvers<undefined>()
      const target = new MemoryAddTarget({
        onBlock: (_, __, { signal }) =>
          new Promise((_, reject) => {
            signal?.addEventListener('abort', () => {
              ended.resolve(undefined)
              reject(new Error('aborted'))
            })
          })
      })
      const events = create().add(each([file('a', 'a'), file('b', 'b')]), DEFAULT_ADD_PARAMS, target, {})
      await events.next()
      await events.return(undefined as never)
      await ended.promise
      expect(target.pinned).toEqual([])
    })
  })
}

/** Adds entries and gives all events and the root. */
export async function addTo(
  adder: Adder,
  target: MemoryAddTarget,
  entries: Iterable<FileEntry> | AsyncIterable<FileEntry>,
  params: Partial<AddParams> = {},
  signal?: AbortSignal
): Promise<{ events: AddedOutput[]; root: CID }> {
  const options = signal === undefined ? {} : { signal }
  const adding = adder.add(each(entries), { ...DEFAULT_ADD_PARAMS, ...params }, target, options)
  const events: AddedOutput[] = []
  let step = await adding.next()
  for (; step.done !== true; step = await adding.next()) events.push(step.value)
  return { events, root: step.value }
}

function file(path: string, content: string): FileEntry {
  return { type: 'file', path, content: each([new TextEncoder().encode(content)]) }
}

const directory = (path: string): FileEntry => ({ type: 'directory', path })

async function* each<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  yield* items
}
