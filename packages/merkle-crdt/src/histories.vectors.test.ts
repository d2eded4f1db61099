import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ManualClock, MemoryDatastore, memoryLogger, seededRandom, settle } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, test } from 'vitest'
import { DagBlocks, encodeBroadcast, MerkleCrdt, type Broadcaster, type DagExchange } from './index.ts'
import { blockIdOf, cidOfBlockId } from './wire/block-id.ts'
import { decodeUvarint } from './wire/uvarint.ts'

interface State {
  values: Record<string, [string, number]>
  elements: Record<string, number[]>
  tombstones: Record<string, number[]>
  processed: number[]
}
interface History {
  name: string
  blocks: { cid: string; bytes: string; priority: number }[]
  state: State
  deliveries: { name: string; announcements: number[][]; heads: Record<string, number>; state?: State }[]
}
function read(name: string): unknown {
  const file = new URL(`../../testing/vectors/crdt/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}
const { histories } = read('histories') as { histories: History[] }

/** A replica that hears what it is told, and can read all blocks. */
async function openReplica(
  blocks: Map<string, Uint8Array>,
  keepTombstones: boolean
): Promise<{
  store: MerkleCrdt
  storage: MemoryDatastore
  announce: (cids: readonly CID[]) => Promise<void>
}> {
  const storage = new MemoryDatastore()
  const dagBlocks = new DagBlocks(storage, '/c')
  const messages: Uint8Array[] = []
  let wake = (): void => undefined
  const broadcaster: Broadcaster = {
    broadcast: () => Promise.resolve(),
    messages: async function* ({ signal }) {
      signal?.addEventListener('abort', () => {
        wake()
      })
      while (signal?.aborted !== true) {
        const message = messages.shift()
        if (message !== undefined) yield message
        else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    }
  }
  const exchange: DagExchange = {
    put: (stored) => dagBlocks.put(stored),
    createSession: () => ({
      close: () => undefined,
      get: async (cid) => {
        const bytes = blocks.get(blockIdOf(cid))
        if (bytes === undefined) return dagBlocks.get(cid)
        await dagBlocks.put([{ cid, bytes }])
        return bytes
      }
    })
  }
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks: dagBlocks,
    exchange,
    broadcaster,
    clock: new ManualClock(),
    random: seededRandom(1),
    log: memoryLogger(),
    repairIntervalMs: 0,
    keepTombstones
  })
  const announce = async (cids: readonly CID[]): Promise<void> => {
    messages.push(encodeBroadcast(cids))
    wake()
    await settle()
    await store.idle()
  }
  return { store, storage, announce }
}

/** The content of a datastore in the form of the vectors. */
async function stateOf(
  storage: MemoryDatastore,
  cids: readonly string[]
): Promise<{ state: State; heads: Record<string, number> }> {
  const indexOf = (id: string): number => cids.indexOf(cidOfBlockId(id)?.toString() ?? '')
  const state: State = { values: {}, elements: {}, tombstones: {}, processed: [] }
  const heads: Record<string, number> = {}
  for await (const { key, value } of storage.query({})) {
    const text = key.toString()
    const id = text.slice(text.lastIndexOf('/'))
    const between = (start: string, end: string): string => text.slice(start.length, text.length - end.length)
    if (text.startsWith('/c/h/')) heads[indexOf(id)] = Number(decodeUvarint(value)?.value)
    else if (text.startsWith('/c/b/') && !text.startsWith('/c/b/blocks/')) state.processed.push(indexOf(id))
    else if (text.startsWith('/c/s/s/')) (state.elements[between('/c/s/s', id)] ??= []).push(indexOf(id))
    else if (text.startsWith('/c/s/t/')) (state.tombstones[between('/c/s/t', id)] ??= []).push(indexOf(id))
    else if (text.startsWith('/c/s/k/') && text.endsWith('/v')) {
      const name = between('/c/s/k', '/v')
      const priority = decodeUvarint(storage.get(new Key(`/c/s/k${name}/p`)))
      state.values[name] = [Buffer.from(value).toString('hex'), Number(priority?.value) - 1]
    }
  }
  return { state: sorted(state), heads }
}
function sorted(state: State): State {
  const numbers = (list: readonly number[]): number[] => [...new Set(list)].sort((a, b) => a - b)
  const each = (map: Record<string, number[]>): Record<string, number[]> =>
    Object.fromEntries(Object.entries(map).map(([key, list]) => [key, numbers(list)]))
  return {
    values: state.values,
    elements: each(state.elements),
    tombstones: each(state.tombstones),
    processed: numbers(state.processed)
  }
}

describe('crdt/histories.json', () => {
  test('there are 45 histories', () => {
    expect(histories).toHaveLength(45)
  })

  for (const history of histories) {
    const cids = history.blocks.map(({ cid }) => cid)
    const blocks = new Map(
      history.blocks.map(({ cid, bytes }) => [blockIdOf(CID.parse(cid)), new Uint8Array(Buffer.from(bytes, 'base64'))])
    )
    test.each(history.deliveries)(`${history.name}: $name`, async ({ announcements, heads, state }) => {
      const { store, storage, announce } = await openReplica(blocks, true)
      for (const message of announcements) await announce(message.map((index) => CID.parse(cids[index] ?? '')))
      const result = await stateOf(storage, cids)
      expect(result.state).toEqual(sorted(state ?? history.state))
      expect(result.heads).toEqual(heads)
      await store.close()
    })

    test.each(history.deliveries)(`${history.name}: $name, collected`, async ({ announcements, heads, state }) => {
      const { store, storage, announce } = await openReplica(blocks, false)
      for (const message of announcements) await announce(message.map((index) => CID.parse(cids[index] ?? '')))
      const result = await stateOf(storage, cids)
      const whole = sorted(state ?? history.state)
      const expected = sorted(collected(whole))
      expect({ ...result.state, tombstones: {} }).toEqual({ ...expected, tombstones: {} })
      expect(result.heads).toEqual(heads)
      // of blocks that are merged, only a tombstone that came before its block, and of a key that is not in it, is left
      for (const [key, ids] of Object.entries(result.state.tombstones)) {
        const known = whole.processed
        for (const id of ids) {
          expect(whole.tombstones[key]).toContain(id)
          if (known.includes(id)) expect(whole.elements[key] ?? []).not.toContain(id)
        }
      }
      for (const [key, ids] of Object.entries(expected.tombstones)) {
        expect(result.state.tombstones[key]).toEqual(expect.arrayContaining(ids))
      }
      await store.close()
    })
  }
})

/** What is left when every addition that was taken back, of a merged block, is forgotten. */
function collected(state: State): State {
  const without = (map: Record<string, number[]>, isGone: (key: string, id: number) => boolean) =>
    Object.fromEntries(
      Object.entries(map)
        .map(([key, ids]): [string, number[]] => [key, ids.filter((id) => !isGone(key, id))])
        .filter(([, ids]) => ids.length > 0)
    )
  const isProcessed = (id: number): boolean => state.processed.includes(id)
  return {
    ...state,
    elements: without(state.elements, (key, id) => isProcessed(id) && (state.tombstones[key] ?? []).includes(id)),
    tombstones: without(state.tombstones, (_key, id) => isProcessed(id))
  }
}

describe('crdt/bigdag.json', () => {
  interface BigDag {
    final_heads: string[]
    heads_after_walk: Record<string, number>
    values: Record<string, [string, number]>
    blocks: string[]
    distinct_element_entries: number
    distinct_tombstone_entries: number
  }
  const big = read('bigdag') as BigDag

  test('a first sync from the three heads arrives at the content of the Go peer', async () => {
    const cids: string[] = []
    const blocks = new Map<string, Uint8Array>()
    for (const base64 of big.blocks) {
      const bytes = new Uint8Array(Buffer.from(base64, 'base64'))
      const cid = CID.createV1(0x70, Digest.create(0x12, hash('sha256', bytes, 'buffer')))
      cids.push(cid.toString())
      blocks.set(blockIdOf(cid), bytes)
    }
    const { store, storage, announce } = await openReplica(blocks, true)
    await announce(big.final_heads.map((head) => CID.parse(head)))
    const { state, heads } = await stateOf(storage, cids)
    expect(state.values).toEqual(big.values)
    expect(heads).toEqual(big.heads_after_walk)
    expect(state.processed).toHaveLength(1512)
    expect(Object.values(state.elements).flat()).toHaveLength(big.distinct_element_entries)
    expect(Object.values(state.tombstones).flat()).toHaveLength(big.distinct_tombstone_entries)
    await store.close()
  })
})
