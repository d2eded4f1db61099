import {
  DEFAULT_ADD_PARAMS,
  pinTypeToString,
  TrackerStatus,
  type AddedOutput,
  type AddParams,
  type FileEntry,
  type Pin
} from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  comparable,
  recorded,
  recordedValue,
  recordedListing,
  recordedMessage,
  type Statuses
} from './recorded.fixture.ts'
import { factors, ThreePeers } from './three-peers.fixture.ts'

/** For the start and the end of three peers on a machine that does other things, too. */
const PATIENCE_MS = 240_000
/** What was added: its length is recorded, its bytes are not. */
const LENGTH = 1_280_000
const CHUNK = 262_144
const SHARD_SIZE = 400_000n
/** What the reference stores beside the content, and nobody needs: a directory around the file, and an empty one. */
const LEFTOVERS = 98

interface RecordedOutput {
  readonly name: string
  readonly cid: string
  readonly size: number
  readonly allocations?: readonly string[]
}
type RecordedType = readonly [type: string, depth: number, holders: number, reference: string | null, name: string]

describe.each([
  ['everywhere', {}, ''],
  ['1-1', factors(1, 1), 's11']
] as const)(
  'recorded scenarios of content in shards, by three peers: %s',
  { timeout: PATIENCE_MS },
  (variant, options, name) => {
    let three: ThreePeers
    let outputs: readonly AddedOutput[]
    let pins: readonly Pin[]
    const sharded = `sharded-${variant}`
    beforeAll(async () => {
      three = await ThreePeers.start()
      outputs = await addInShards(three, { ...options, name })
      pins = (await Array.fromAsync(three.peer(0).cluster.pins.list({}))).flat()
      await passOn(three, pinOfType('clusterdag-pin').cid)
    }, PATIENCE_MS)
    afterAll(async () => {
      await three[Symbol.asyncDispose]()
    }, PATIENCE_MS)

    const pinOfType = (type: string): Pin =>
      pins.find((pin) => pinTypeToString(pin.type) === type) ?? expect.unreachable(`no ${type}`)
    const shards = (): readonly Pin[] => pins.filter((pin) => pinTypeToString(pin.type) === 'shard-pin')

    it('tells of each part as it is stored', () => {
      const added = recordedValue(sharded, 'added') as readonly RecordedOutput[]
      const nameOf = ({ name: own }: { readonly name: string }): string => own.replace(/^big1$/, 'file')
      // Shards are stored beside the building of what follows: where the file's line comes is up to chance.
      expect(outputs.map(nameOf).sort()).toEqual(added.map(nameOf).sort())
      for (const output of added) {
        const ours = outputs.find((each) => nameOf(each) === nameOf(output))
        const isLast = /^shard-4$|clusterDAG$/.test(output.name)
        expect([output.name, Number(ours?.size)]).toEqual([output.name, output.size - (isLast ? LEFTOVERS : 0)])
        expect(ours?.allocations?.length ?? 0, output.name).toBe(output.allocations?.length ?? 0)
      }
    })

    it('pins the shards, the list of them and the content', () => {
      const types = recordedValue(sharded, 'types') as Readonly<Record<string, RecordedType>>
      // The second recording was made beside the first.
      const wanted = Object.values(types).filter(([type, , , , own]) =>
        type === 'meta-pin' ? own === name : own.startsWith(`${name}-`)
      )
      const ours = pins.map(({ type, maxDepth, allocations, reference, name: own }) => {
        const holders = maxDepth === 1 && allocations !== undefined ? allocations.length : 0
        return [pinTypeToString(type), maxDepth, holders, reference !== undefined, own]
      })
      const theirs = wanted.map(([type, depth, holders, reference, own]) => [
        type,
        depth,
        holders,
        reference !== null,
        own
      ])
      expect(ours.sort(byText)).toEqual(theirs.sort(byText))
      expect(pinOfType('meta-pin').reference).toEqual(pinOfType('clusterdag-pin').cid)
      expect(pinOfType('clusterdag-pin').reference).toEqual(pinOfType('meta-pin').cid)
      const inOrder = shards().toSorted((a, b) => byText(a.name, b.name))
      expect(inOrder.map(({ reference }) => reference?.toString())).toEqual([
        undefined,
        ...inOrder.slice(0, -1).map(({ cid }) => cid.toString())
      ])
    })

    it('has statuses of the content, the list and the shards', async () => {
      const meta = pinOfType('meta-pin').cid
      const content = recordedListing(sharded, 'all_meta')
      // The reference takes content with factors for something that others hold, if it is asked for that alone.
      expect(recorded(sharded, 'status_meta')['peer0']?.[0]).toBe(variant === '1-1' ? 'remote' : 'sharded')
      await three.reaches(() => three.status(0, meta), content)
      await three.reaches(() => three.listed(0, meta), content)
      await three.reaches(() => three.listed(0, meta, TrackerStatus.sharded), content)
      const filtered = recordedValue(sharded, 'filter_sharded') as Readonly<Record<string, Statuses>>
      expect(comparable(filtered[recordedValue(sharded, 'meta') as string] ?? {})).toEqual(comparable(content))
      const dag = pinOfType('clusterdag-pin').cid
      await three.reaches(() => three.status(0, dag), recorded(sharded, 'status_dag'))
      // The reference lists direct pins, as this one is, as missing.
      expect(recordedListing(sharded, 'all_dag')['peer0']?.[0]).toBe('unexpectedly_unpinned')
      await three.reaches(() => three.listed(0, dag), recorded(sharded, 'status_dag'))
      for (const key of ['status_shards', 'all_shards']) {
        for (const theirs of Object.values(recordedValue(sharded, key) as Readonly<Record<string, Statuses>>)) {
          for (const shard of shards()) {
            const ask = key === 'all_shards' ? () => three.listed(0, shard.cid) : () => three.status(0, shard.cid)
            await three.reaches(ask, atHoldersOf(three, shard, theirs))
          }
        }
      }
    })

    it('recovers the content, everywhere and at one peer', async () => {
      const { statuses } = three.peer(0).cluster
      const meta = pinOfType('meta-pin').cid
      const [, everywhere] = recordedValue(`sharded-recover-${variant}`, 'all') as readonly [number, Statuses]
      expect(everywhere['peer0']?.[0]).toBe(variant === '1-1' ? 'remote' : 'sharded')
      expect(comparable(three.shown(await statuses.recover(meta, {})))).toEqual(
        comparable(recordedListing(sharded, 'all_meta'))
      )
      const [, local] = recordedValue(`sharded-recover-${variant}`, 'local') as readonly [number, Statuses]
      expect(comparable(three.shown(await statuses.recover(meta, { local: true })))).toEqual(comparable(local))
    })

    it('refuses to unpin the parts, and to pin the content in another way', async () => {
      const errors = `sharded-errors-${variant}`
      const { pins: service } = three.peer(0).cluster
      for (const { cid } of shards()) {
        await expect(service.unpin(cid, {})).rejects.toThrow(recordedMessage(errors, 'shard'))
      }
      const dag = pinOfType('clusterdag-pin').cid
      await expect(service.unpin(dag, {})).rejects.toThrow(recordedMessage(errors, 'dag'))
      const meta = pinOfType('meta-pin').cid
      await expect(three.pin(0, meta)).rejects.toThrow(recordedMessage(errors, 'repin_meta'))
    })

    it('takes all parts out with the content', async () => {
      const meta = pinOfType('meta-pin')
      const gone = await three.peer(0).cluster.pins.unpin(meta.cid, {})
      const [answer] = recordedValue('sharded-unpin', 'answer') as readonly [Readonly<Record<string, unknown>>]
      const { type, maxDepth, reference, allocations = [], name: own, shardSize, mode } = gone
      expect([pinTypeToString(type), maxDepth, allocations, shardSize, mode === 1 ? 'direct' : 'recursive']).toEqual([
        answer['type'],
        answer['max_depth'],
        answer['allocations'],
        BigInt(answer['shard_size'] as number),
        answer['mode']
      ])
      expect([own, reference]).toEqual([name, pinOfType('clusterdag-pin').cid])
      expect((await Array.fromAsync(three.peer(0).cluster.pins.list({}))).flat()).toEqual(
        recorded('sharded-unpin', 'left')
      )
      await three.until(() => {
        for (const { kubo } of three.peers) expect([...kubo.pins.keys()]).toEqual([])
      })
    })
  }
)

function byText(a: unknown, b: unknown): number {
  return String(a) < String(b) ? -1 : 1
}

/** The recorded statuses of a shard, with those of its holders at the holders that ours has. */
function atHoldersOf(three: ThreePeers, pin: Pin, theirs: Statuses): Statuses {
  const ofKind = (kind: string) => Object.values(theirs).find(([status]) => status === kind)
  const [pinned, remote] = [ofKind('pinned'), ofKind('remote')]
  const holders = three.holders(pin)
  const entries = Object.keys(theirs).map((peer) => {
    const status = remote === undefined || holders.includes(peer) ? pinned : remote
    return [peer, status ?? expect.unreachable('a shard is pinned or remote')] as const
  })
  return Object.fromEntries(entries)
}

/** What one daemon has the others can fetch: the list of shards is only stored where the content was added. */
async function passOn(three: ThreePeers, cid: CID): Promise<void> {
  const url = `http://127.0.0.1:${three.kubo(0).port}/api/v0/block/get?arg=${cid.toString()}`
  const bytes = new Uint8Array(await (await fetch(url, { method: 'POST' })).arrayBuffer())
  for (const { kubo } of three.peers) kubo.provide([{ cid, bytes }])
}

async function addInShards(three: ThreePeers, params: Partial<AddParams>): Promise<readonly AddedOutput[]> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    await Promise.resolve()
    // No two chunks are alike.
    for (let at = 0; at < LENGTH; at += CHUNK) yield new Uint8Array(Math.min(CHUNK, LENGTH - at)).fill(1 + at / CHUNK)
  }
  async function* entries(): AsyncGenerator<FileEntry> {
    await Promise.resolve()
    yield { type: 'file', path: 'file', content: bytes() }
  }
  const shard: Partial<AddParams> = { shard: true, shardSize: SHARD_SIZE, ...params }
  const outputs: AddedOutput[] = []
  const adding = three.peer(0).cluster.content.add(entries(), { ...DEFAULT_ADD_PARAMS, ...shard }, {})
  for await (const output of adding) outputs.push(output)
  return outputs
}
