import type { FileEntry, NodeWithMeta } from '@cluster/api'
import { addTo, MemoryAddTarget } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createAdder } from './index.ts'
import {
  casesOf,
  comparable,
  entriesOf,
  paramsOf,
  plain,
  sha256OfEvents,
  treeEntries,
  type Case
} from './vectors.fixture.ts'

const cases = await casesOf('cids.json')

/** A block as the vectors are to be compared: multihash and length. */
const blockKey = (cid: CID, length: number): string => `${Buffer.from(cid.multihash.bytes).toString('hex')} ${length}`
const sentKeys = (blocks: readonly NodeWithMeta[]): ReadonlySet<string> =>
  new Set(blocks.map(({ cid, data }) => blockKey(cid, data.length)))
const recordedKeys = (blocks: readonly string[]): ReadonlySet<string> =>
  new Set(
    blocks.map((line) => {
      const [cid = '', length = ''] = line.split(' ')
      return blockKey(CID.parse(cid), Number(length))
    })
  )

/**
 * Entries side by side in no directory. Go puts them all into one directory and pins only the last, always in the same
 * way; as behaviours.md §6.3 wants it, each is added for itself here.
 */
const mixedUp = new Set(['two-top-file-then-dir', 'two-dirs-both', 'reenter-dir'])
/** Parsed by the API before the adder sees them. */
const ofTheApi = (vectorCase: Case): boolean =>
  vectorCase.status === 400 || (vectorCase.events === undefined && vectorCase.eventCount === undefined)

/** The reference never cuts with such small averages; here they are refused (behaviours.md §6.4.1). */
const uncut = new Set(['chunkererr-rabin-30', 'chunkererr-rabin-20'])

const inScope = cases.filter(
  (vectorCase) => !mixedUp.has(vectorCase.name) && !uncut.has(vectorCase.name) && !ofTheApi(vectorCase)
)

describe('adder/cids.json', () => {
  it('is used nearly whole', () => {
    expect([cases.length, inScope.length, cases.filter(ofTheApi).length]).toEqual([173, 163, 5])
  })

  for (const vectorCase of inScope.filter(({ streamError }) => streamError === undefined)) {
    it(vectorCase.name, { timeout: 30_000 }, async () => {
      const target = new MemoryAddTarget()
      const { events, root } = await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
      const got = events.map(plain)
      if (vectorCase.events !== undefined) expect(comparable(got)).toEqual(comparable(vectorCase.events))
      if (vectorCase.eventsSha256 !== undefined) expect(sha256OfEvents(got)).toBe(vectorCase.eventsSha256)
      expect(root.toString()).toBe(vectorCase.root)
      const sent = target.blocksOf(target.self)
      // The garbage blocks of Go are not sent, so ours are a subset.
      if (vectorCase.blocks !== undefined) {
        expect(recordedKeys(vectorCase.blocks).isSupersetOf(sentKeys(sent))).toBe(true)
      }
      expect(sent.length).toBeLessThanOrEqual(vectorCase.blockCount)
    })
  }

  for (const vectorCase of inScope.filter(({ streamError }) => streamError !== undefined)) {
    it(`${vectorCase.name} fails`, async () => {
      const target = new MemoryAddTarget()
      const adding = addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
      await expect(adding).rejects.toMatchObject({
        code: 'BAD_REQUEST',
        // Ours may say more.
        message: expect.stringContaining(vectorCase.streamError ?? '') as string
      })
      expect(target.pinned).toEqual([])
    })
  }

  it('AR-1, AR-6: sends exactly the 28 blocks of the test tree, in the order of the specification', async () => {
    const target = new MemoryAddTarget()
    const { root } = await addTo(createAdder(), target, treeEntries())
    expect(root.toString()).toBe('QmdHXJgxeCFf6qDZqYYmMesV2DbZCVPEdEhj2oVTxP1y7Y')
    const sent = target.blocksOf(target.self)
    expect(sent).toHaveLength(28)
    const recorded = cases.find(({ name }) => name === 'tree-defaults')?.blocks ?? []
    expect(sentKeys(sent)).toEqual(recordedKeys(recorded))
    const files = [...recordedKeys(recorded)].slice(1, 21)
    expect([...sentKeys(sent)].slice(0, 20)).toEqual(files)
    const ends = ['small', 'alpha', 'beta', 'empty', 'delta', 'gamma', 'A', 'B', 'root'].length
    expect(sent.slice(-ends + 1).map(({ cumSize }) => Number(cumSize))).toEqual([
      5190, 5190, 4, 55, 5190, 21005, 3380197, 3401297
    ])
    expect(target.pinned.map(({ cid }) => cid.toString())).toEqual([root.toString()])
  })

  it.each([...mixedUp])('adds each top-level entry as if it were alone: %s', async (name) => {
    const vectorCase = cases.find((candidate) => candidate.name === name)
    if (vectorCase === undefined) throw new Error(`the vectors lack ${name}`)
    const target = new MemoryAddTarget()
    const { events } = await addTo(createAdder(), target, entriesOf(vectorCase))
    expect(events.map((event) => event.name)).toEqual(vectorCase.events?.map((event) => event.name))
    // A run of entries that begin with the same name is one entry at the top.
    const alone: CID[] = []
    for (const run of await runsOf(entriesOf(vectorCase))) {
      alone.push((await addTo(createAdder(), new MemoryAddTarget(), run)).root)
    }
    expect(target.pinned.map(({ cid }) => cid.toString())).toEqual(alone.map(String))
    const tops = events.filter((event) => !event.name.includes('/'))
    expect(tops.map(({ cid }) => String(cid))).toEqual(alone.map(String))
  })
})

async function runsOf(entries: AsyncIterable<FileEntry>): Promise<readonly (readonly FileEntry[])[]> {
  const runs: FileEntry[][] = []
  const topOf = (entry: FileEntry | undefined): string | undefined => entry?.path.split('/')[0]
  for await (const entry of entries) {
    const last = runs.at(-1)
    if (last !== undefined && topOf(last[0]) === topOf(entry)) last.push(entry)
    else runs.push([entry])
  }
  return runs
}
