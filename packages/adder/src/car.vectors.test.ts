import { addTo, MemoryAddTarget } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createAdder } from './index.ts'
import { casesOf, comparable, entriesOf, paramsOf, plain } from './vectors.fixture.ts'

const cases = await casesOf('car.json')

/** Where ours does more than the reference: CAR files of version 2 and with several roots are taken. */
const taken = new Set(['car-v2', 'car-two-roots'])
/** The reference dies of these. */
const fatal = new Map([
  ['car-header-only', 'car file has no blocks'],
  ['no-parts', 'no files to add']
])
/** Kubo was told to store these blocks under another hash function: a fault of the reference. */
const mixedHashes = new Set(['car-mixed-hash-256-then-512', 'car-identity-block', 'car-identity-root'])

const digestOf = (cid: CID): string => Buffer.from(cid.multihash.digest).toString('hex')

describe('adder/car.json', () => {
  const failing = cases.filter(({ streamError, name }) => streamError !== undefined && !taken.has(name))
  const passing = cases.filter(({ streamError, name }) => streamError === undefined && !fatal.has(name))

  it.each(passing)('$name', async (vectorCase) => {
    const target = new MemoryAddTarget()
    const { events, root } = await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
    expect(comparable(events.map(plain))).toEqual(comparable(vectorCase.events ?? []))
    expect(root.toString()).toBe(vectorCase.root)
    expect(target.allocated).toHaveLength(1)
    expect(target.pinned.map(({ cid }) => cid.toString())).toEqual(
      vectorCase.query.includes('no-pin') ? [] : [vectorCase.root]
    )
    if (mixedHashes.has(vectorCase.name)) return
    const sent = target.blocksOf(target.self).map(({ cid, data }) => `${digestOf(cid)} ${data.length}`)
    const recorded = (vectorCase.blocks ?? []).map((line) => {
      const [cid = '', length = ''] = line.split(' ')
      return `${digestOf(CID.parse(cid))} ${length}`
    })
    expect(sent).toEqual(recorded)
  })

  it.each(failing)('$name fails', async (vectorCase) => {
    const target = new MemoryAddTarget()
    const adding = addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
    await expect(adding).rejects.toMatchObject({ code: 'BAD_REQUEST', message: vectorCase.streamError })
    expect(target.pinned).toEqual([])
  })

  it.each([...fatal])('%s fails, and nothing dies of it', async (name, message) => {
    const vectorCase = cases.find((candidate) => candidate.name === name)
    if (vectorCase === undefined) throw new Error(`the vectors lack ${name}`)
    const noParts = (async function* () {})()
    const entries = vectorCase.bodyHex === undefined ? noParts : entriesOf(vectorCase)
    const adding = addTo(createAdder(), new MemoryAddTarget(), entries, paramsOf(vectorCase.query))
    await expect(adding).rejects.toMatchObject({ code: 'BAD_REQUEST', message })
  })

  it.each([...taken])('%s: ours takes it', async (name) => {
    const vectorCase = cases.find((candidate) => candidate.name === name)
    if (vectorCase === undefined) throw new Error(`the vectors lack ${name}`)
    const target = new MemoryAddTarget()
    const { events } = await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
    expect(events).toHaveLength(name === 'car-v2' ? 1 : 2)
    expect(target.pinned.map(({ cid }) => cid.toString())).toEqual(events.map(({ cid }) => cid?.toString()))
    expect(target.blocksOf(target.self).length).toBeGreaterThan(0)
  })

  it('NX-7: sends each block under its own CID, whatever the first one is', async () => {
    for (const name of mixedHashes) {
      const vectorCase = cases.find((candidate) => candidate.name === name)
      if (vectorCase === undefined) throw new Error(`the vectors lack ${name}`)
      const target = new MemoryAddTarget()
      await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
      const codes = target.blocksOf(target.self).map(({ cid }) => cid.multihash.code)
      expect(codes).toEqual(
        { 'car-mixed-hash-256-then-512': [0x12, 0x13], 'car-identity-block': [0x12, 0x12] }[name] ?? []
      )
    }
  })
})
