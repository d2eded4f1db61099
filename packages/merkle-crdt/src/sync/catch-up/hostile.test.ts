import { describe, expect, test, vi } from 'vitest'
import { createNode } from '../../index.ts'
import { decodeMessage, DIGEST_BYTES, encodeMessage, type CatchUpMessage } from './message.ts'
import { channelPair, Scene, type Member } from './scene.fixture.ts'
import { sha256 } from './digest.ts'

/** Many rounds of manual time: long on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

/** What a lying server makes of its answers. */
type Lie = (message: CatchUpMessage) => CatchUpMessage | Uint8Array | undefined

function lying(lie: Lie): (data: Uint8Array) => Uint8Array | undefined {
  return (data) => {
    const told = lie(decodeMessage(data))
    return told === undefined || told instanceof Uint8Array ? told : encodeMessage(told)
  }
}

const foreign = createNode({ elements: [{ key: '/evil', value: Uint8Array.of(6) }], tombstones: [], priority: 7n }, [])

const lies: Record<string, Lie> = {
  'sends bytes that are no message': (message) => (message.type === 'page' ? Uint8Array.of(1, 2, 3) : message),
  'is of another cluster': (message) =>
    message.type === 'hello' ? { ...message, hello: { ...message.hello, topic: 'other' } } : message,
  'sends blocks that nobody asked for': (message) =>
    message.type === 'data' ? { ...message, blocks: [foreign.bytes] } : message,
  'sends damaged blocks': (message) => {
    if (message.type !== 'data') return message
    return { ...message, blocks: message.blocks.map((block) => block.map((byte, at) => (at === 9 ? byte ^ 1 : byte))) }
  },
  'lies about sizes': (message) =>
    message.type === 'page'
      ? { ...message, entries: message.entries.map((entry) => ({ ...entry, size: 1 })) }
      : message,
  'lists blocks that do not exist': (message) =>
    message.type === 'page'
      ? {
          ...message,
          entries: message.entries.map((entry, at) => ({ ...entry, digest: sha256(Uint8Array.of(at, at >> 8)) }))
        }
      : message,
  'lists upwards for ever': (message) =>
    message.type === 'page' ? { ...message, hasMore: true, entries: message.entries.toReversed() } : message,
  'sends no blocks': (message) => (message.type === 'data' ? undefined : message),
  'never answers': (message) => (message.type === 'hello' ? message : undefined),
  'answers something else': (message) => (message.type === 'page' ? { type: 'data', blocks: [] } : message)
}

async function walkPast(scene: Scene, fresh: Member, old: Member): Promise<void> {
  await old.announceTo(fresh)
  for (let round = 0; round < 200 && (await fresh.store.stats()).queuedJobs > 0; round += 1) {
    await scene.clock.advance(1000)
  }
  expect(await fresh.content()).toEqual(await old.content())
  expect(await fresh.store.get('/evil')).toBeUndefined()
}

describe('a server that lies costs time only: the exchange brings the rest', () => {
  test.each(Object.entries(lies))('it %s', async (_, lie) => {
    const scene = new Scene()
    const old = await scene.open('old')
    await old.pin(150)
    old.tamper = lying(lie)
    const fresh = await scene.open('fresh', { snapshots: false })
    await walkPast(scene, fresh, old)
    expect(fresh.store.status().counters.rejected).toMatchObject({ 'wrong-hash': 0, 'bad-delta': 0 })
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })

  test('blocks come from an honest one beside it', async () => {
    const scene = new Scene()
    const liar = await scene.open('liar')
    await liar.pin(300)
    const honest = await scene.open('honest', { snapshots: false })
    await liar.announceTo(honest)
    await honest.store.idle()
    liar.tamper = lying((message) => (message.type === 'data' ? { ...message, blocks: [foreign.bytes] } : message))
    const fresh = await scene.open('fresh', { snapshots: false })
    await walkPast(scene, fresh, liar)
    expect(fresh.store.catchUp?.prefetched).toBeGreaterThan(200)
    expect(fresh.store.catchUp?.failures).toBe(1)
    await scene.close()
  })
})

const wrongSnapshots: Record<string, Lie> = {
  'another hash': (message) =>
    message.type === 'chunk' && message.chunk.kind === 'elements'
      ? { type: 'chunk', chunk: { ...message.chunk, sha256: new Uint8Array(DIGEST_BYTES) } }
      : message,
  'values that no block has': (message) => {
    if (message.type !== 'chunk' || message.chunk.kind !== 'elements') return message
    const data = Buffer.from(
      Buffer.from(message.chunk.data).toString('latin1').replaceAll('old /k', 'lie /k'),
      'latin1'
    )
    return { type: 'chunk', chunk: { ...message.chunk, data, sha256: sha256(data) } }
  },
  'a frame without heads': (message) =>
    message.type === 'chunk' && message.chunk.kind === 'heads'
      ? { type: 'chunk', chunk: { ...message.chunk, kind: 'processed' } }
      : message,
  'heads that do not exist': (message) => {
    if (message.type !== 'chunk' || message.chunk.kind !== 'heads') return message
    const data = message.chunk.data.map((byte, at) => (at === 10 ? byte ^ 1 : byte))
    return { type: 'chunk', chunk: { ...message.chunk, data, sha256: sha256(data) } }
  },
  'elements without end': (message) =>
    message.type === 'chunk' && message.chunk.kind === 'elements'
      ? { type: 'chunk', chunk: { ...message.chunk, next: '/k1' } }
      : message
}

describe('a snapshot with something wrong is thrown away, and the DAG is walked', () => {
  test.each(Object.entries(wrongSnapshots))('%s', async (_, lie) => {
    const scene = new Scene()
    const old = await scene.open('old')
    await old.pin(150)
    old.tamper = lying(lie)
    const fresh = await scene.open('fresh')
    await walkPast(scene, fresh, old)
    expect(fresh.store.catchUp).toMatchObject({ snapshot: { taken: 0, refused: 1 }, isArchive: true })
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })
})

describe('a client that misbehaves is sent away', () => {
  const hello: CatchUpMessage = { type: 'hello', hello: { topic: 'a cluster', heads: [], processed: 0n, features: [] } }
  const questions: Record<string, readonly (CatchUpMessage | Uint8Array)[]> = {
    'no greeting': [{ type: 'blocks', digests: [] }],
    'another cluster': [{ type: 'hello', hello: { topic: 'other', heads: [], processed: 0n, features: [] } }],
    'answers instead of questions': [hello, { type: 'data', blocks: [] }],
    'bytes that are no message': [hello, Uint8Array.of(255, 255, 1)]
  }
  test.each(Object.entries(questions))('%s', async (_, asked) => {
    const scene = new Scene()
    const old = await scene.open('old')
    const [ours, theirs] = channelPair()
    const served = old.store.serveCatchUp(theirs, 'client')
    for (const question of asked) {
      await ours.write(question instanceof Uint8Array ? question : encodeMessage(question), {}).catch(() => undefined)
    }
    await served
    expect(old.store.catchUp?.served.running).toBe(0)
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })

  test('silent ones are dropped in time, and there are not too many of one peer', async () => {
    const scene = new Scene()
    const old = await scene.open('old')
    const served = Array.from({ length: 6 }, () => old.store.serveCatchUp(channelPair()[1], 'client'))
    expect(old.store.catchUp?.served).toMatchObject({ running: 4, refused: 2 })
    await scene.clock.advance(121_000)
    await Promise.all(served)
    expect(old.store.catchUp?.served.running).toBe(0)
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })

  test('one that does not read holds up itself only', async () => {
    const scene = new Scene()
    const old = await scene.open('old')
    await old.pin(1200)
    const [ours, theirs] = channelPair()
    const served = old.store.serveCatchUp(theirs, 'client')
    await ours.write(encodeMessage(hello), {})
    const request = { below: [], before: undefined, fromHeight: 0n, limit: 100 }
    for (let count = 0; count < 3; count += 1) await ours.write(encodeMessage({ type: 'index', request }), {})
    await old.pin(1, '/still')
    expect(old.store.catchUp?.served.running).toBe(1)
    await scene.clock.advance(200_000)
    await served
    await scene.close()
  })
})
