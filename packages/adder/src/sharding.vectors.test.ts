import { createHash } from 'node:crypto'
import { PinType, pinTypeToString, type NodeWithMeta, type Pin } from '@cluster/api'
import { addTo, MemoryAddTarget } from '@cluster/testing'
import { decode, encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createAdder } from './index.ts'
import { shardNodes } from './shard/shard-node.ts'
import { casesOf, comparable, entriesOf, paramsOf, plain, type Case, type Event } from './vectors.fixture.ts'

interface ShardPin {
  readonly name: string
  readonly type: string
  readonly max_depth: number
  readonly shard_size: number
  readonly replication_factor_min: number
  readonly replication_factor_max: number
  readonly reference: string | null
  readonly cid: string
}
interface Shard {
  readonly event: Event
  readonly links: number
  readonly bytes: number
  readonly hex?: string
  readonly sha256: string
  readonly pin: ShardPin
}
interface ShardCase extends Case {
  readonly shards: readonly Shard[]
  readonly dataRoot?: string
  readonly metaPin?: ShardPin
}

const cases = await casesOf<ShardCase>('sharding.json')
const named = (name: string): ShardCase => {
  const found = cases.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`the vectors lack ${name}`)
  return found
}

/** Ours takes the default size when none is given (behaviours.md §6.2). */
const sized = new Set(['shard-small-no-size'])
const failing = cases.filter(({ streamError, name }) => streamError !== undefined && !sized.has(name))
const ofLinks = cases.filter(({ name }) => name.startsWith('shard-links-'))
/** The reference puts garbage blocks into the last shard (behaviours.md §6.6), so that shard and what lists it differ. */
const ofFiles = cases.filter(({ streamError, name }) => streamError === undefined && !name.startsWith('shard-links-'))

const asJson = ({ cid, type, maxDepth, name, shardSize, reference, ...pin }: Pin): ShardPin => ({
  name,
  type: pinTypeToString(type),
  max_depth: maxDepth,
  shard_size: Number(shardSize),
  replication_factor_min: pin.replicationFactorMin,
  replication_factor_max: pin.replicationFactorMax,
  reference: reference?.toString() ?? null,
  cid: cid.toString()
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The blocks `block:<i>` of a CAR file, the last one its root. */
function* carOf(count: number): Generator<Uint8Array> {
  const section = (...parts: Uint8Array[]): Uint8Array => {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const varint = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7]
    return Buffer.concat([Uint8Array.from(varint), ...parts])
  }
  const blocks = Array.from({ length: count }, (_, index) => new TextEncoder().encode(`block:${index}`))
  const cids = blocks.map((bytes) =>
    CID.decode(Buffer.concat([Uint8Array.of(1, 0x55, 0x12, 0x20), createHash('sha256').update(bytes).digest()]))
  )
  yield section(encode({ version: 1, roots: cids.slice(-1) }))
  for (const [index, bytes] of blocks.entries()) yield section(cids[index]?.bytes ?? new Uint8Array(), bytes)
}

async function* linksEntry(count: number) {
  await Promise.resolve()
  async function* content(): AsyncGenerator<Uint8Array> {
    await Promise.resolve()
    yield* carOf(count)
  }
  yield { type: 'file', path: 'l.car', content: content() } as const
}

describe('adder/sharding.json', () => {
  it.each(ofLinks)('$name: shard and cluster DAG byte for byte', async (vectorCase) => {
    const count = Number(/\d+$/.exec(vectorCase.name)?.[0])
    const target = new MemoryAddTarget()
    const { events, root } = await addTo(createAdder(), target, linksEntry(count), paramsOf(vectorCase.query))
    expect(comparable(events.map(plain))).toEqual(comparable(vectorCase.events ?? []))
    expect(root.toString()).toBe(vectorCase.dataRoot)
    expect(target.pinned.map(asJson)).toMatchObject(
      [...vectorCase.shards.map(({ pin }) => pin), vectorCase.metaPin].map((pin) => ({
        cid: pin?.cid,
        type: pin?.type
      }))
    )
    const blocks = blocksByCid(target.blocksOf(target.self))
    for (const { event, bytes, hex, sha256: digest } of vectorCase.shards) {
      const block = blocks.get(event.cid ?? '')
      expect(block?.length).toBe(bytes)
      expect(sha256(block ?? new Uint8Array())).toBe(digest)
      if (hex !== undefined) expect(Buffer.from(block ?? []).toString('hex')).toBe(hex)
    }
  })

  it.each(ofFiles)('$name: the pins, and all shards but the last', { timeout: 60_000 }, async (vectorCase) => {
    const target = new MemoryAddTarget()
    const { events, root } = await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
    expect(root.toString()).toBe(vectorCase.dataRoot)
    const ours = events.map(plain)
    const theirs = comparable(vectorCase.events ?? [])
    expect(ours.map(({ name }) => name)).toEqual(theirs.map(({ name }) => name))
    expect(ours.slice(0, -2)).toEqual(theirs.slice(0, -2))
    const recorded = [...vectorCase.shards.map(({ pin }) => pin), vectorCase.metaPin]
    const pins = target.pinned.map(asJson)
    expect(pins).toHaveLength(recorded.length)
    pins.forEach((pin, index) => {
      const wanted = recorded[index]
      expect(pin).toMatchObject({
        name: wanted?.name,
        type: wanted?.type,
        max_depth: wanted?.max_depth
      })
      // Without factors in the request the core fills in its own.
      if (/replication-min/.test(vectorCase.query)) {
        expect(pin.replication_factor_min).toBe(wanted?.replication_factor_min)
      }
      if (pin.type !== 'shard-pin') expect(pin.shard_size).toBe(wanted?.shard_size)
    })
    pins.slice(0, -3).forEach((pin, index) => {
      expect(pin).toMatchObject({ cid: recorded[index]?.cid, shard_size: recorded[index]?.shard_size })
    })
    checkSharded(target, root)
  })

  it.each(failing)('$name fails and leaves nothing pinned', async (vectorCase) => {
    const target = new MemoryAddTarget()
    const adding = addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
    await expect(adding).rejects.toMatchObject({ code: 'BAD_REQUEST', message: vectorCase.streamError })
    expect(target.pinned).toEqual([])
  })

  it('AR-8: the test tree in 14 shards, 13 of them as the reference has them', async () => {
    const vectorCase = named('shard-tree')
    const target = new MemoryAddTarget()
    const { events } = await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
    const shards = events.filter(({ name }) => name.startsWith('shard-'))
    expect(shards).toHaveLength(14)
    // With siblings by name instead of Go's random order (behaviours.md §6.14.2).
    expect(shards.at(-1)?.cid?.toString()).toBe('bafyreicinctr4bcaf4ewtd5qungnc5wqyeh4n6ygohynssjsexdnzlp7yu')
    expect(events.at(-1)?.cid?.toString()).toBe('bafyreicnuwkwpmlj7f26mkilbptxs7hbmaqnrp3nutoo73oubl22exygwe')
  })

  it('stream(5242880) in seven shards, without the garbage of the reference', async () => {
    const vectorCase = named('shard-stream-5M')
    const target = new MemoryAddTarget()
    const { events } = await addTo(createAdder(), target, entriesOf(vectorCase), paramsOf(vectorCase.query))
    expect(events.at(-2)?.cid?.toString()).toBe('bafyreidwdrpi4h6chbk5psa7657vvfe5nm2ypujmul62cmhy2e3cmkg5fu')
    expect(events.at(-1)?.cid?.toString()).toBe('bafyreidp5xidgugmf2nb2mlpca43qwdvrg47juufqqlszmztmzn6emp4wi')
  })

  it('lists an exact multiple of the links of a node with an empty leaf at the end', () => {
    const link = CID.parse('bafkreifauoap6kaojeg7eptesswvdwzc7hial53gf662ho2wmjpcodjyne').bytes
    const nodes = shardNodes(Array.from({ length: 11_968 }, () => link))
    expect(nodes).toHaveLength(4)
    expect(nodes.at(-1)?.cid.toString()).toBe('bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua')
  })
})

const blocksByCid = (blocks: readonly NodeWithMeta[]): ReadonlyMap<string, Uint8Array> =>
  new Map(blocks.map(({ cid, data }) => [cid.toString(), data]))

const linksOf = (node: Uint8Array | undefined): string[] =>
  Object.values(decode<Record<string, CID>>(node ?? new Uint8Array())).map((cid) => cid.toString())

/** @see behaviours.md §6.11 */
function checkSharded(target: MemoryAddTarget, root: CID): void {
  const meta = target.pinned.find(({ cid }) => cid.equals(root))
  expect(meta?.type).toBe(PinType.meta)
  const dag = target.pinned.find(({ cid }) => meta?.reference?.equals(cid) === true)
  expect(dag).toMatchObject({ type: PinType.clusterDag, reference: root })
  const blocks = blocksByCid(target.blocksOf(target.self))
  const shards = linksOf(blocks.get(dag?.cid.toString() ?? ''))
  const seen = new Set<string>()
  let previous: string | undefined
  for (const shard of shards) {
    const pin = target.pinned.find(({ cid }) => cid.toString() === shard)
    expect(pin?.reference?.toString()).toBe(previous)
    previous = shard
    for (const link of linksOf(blocks.get(shard))) {
      expect(seen.has(link)).toBe(false)
      expect(blocks.has(link)).toBe(true)
      seen.add(link)
    }
  }
  const nodes = new Set([...shards, dag?.cid.toString()])
  expect(new Set([...blocks.keys()].filter((cid) => !nodes.has(cid)))).toEqual(seen)
}
