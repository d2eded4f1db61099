import { pinsetKey, TrackerStatus } from '@cluster/api'
import { MemoryDatastore, seededRandom, settle, testCid, testPeerId, type LogLine } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { listByStatus } from '../list-by-status.ts'
import { listQueryOf } from '../list-query.ts'
import type { Listed } from '../newest-first.ts'
import { RecentChanges } from '../recent-changes.ts'
import { servedPinOf } from '../served-pin.ts'
import { IndexFeed } from './index-feed.ts'
import { ListedCluster } from './index.fixture.ts'
import { listByIndex } from './list-by-index.ts'
import { PinIndex } from './pin-index.ts'

const { signal } = new AbortController()
const names = ['', 'docs', 'Docs', 'DOCS', 'images', 'Bilder für alle', 'a"b\\c']
const statuses = [TrackerStatus.pinned, TrackerStatus.pinError, TrackerStatus.pinQueued, TrackerStatus.pinning]

const queries = [
  '',
  'limit=1000',
  'limit=3&before=2026-01-01T00:00:50Z',
  'limit=5&after=2026-01-01T00:00:20Z',
  'before=2026-01-01T00:00:40.5Z&after=2026-01-01T00:00:10Z',
  'name=docs',
  'name=docs&match=iexact',
  'name=oc&match=partial',
  'name=OC&match=ipartial&limit=4',
  'name=f%C3%BCr&match=partial',
  'name=docs&before=2026-01-01T00:00:45Z',
  'name=absent',
  'meta=%7B%22app%22%3A%22x%22%7D',
  'meta=%7B%22app%22%3A%22%22%7D&limit=2',
  'meta=%7B%22app%22%3A%22y%22%7D&name=docs',
  'status=pinned',
  'status=pinned&limit=1&name=images',
  'status=failed',
  'status=queued,pinning&limit=2',
  'status=failed,pinned&name=a%22b%5Cc',
  'limit=0'
].map((text) => [text, listQueryOf(new Map(new URLSearchParams(text)))] as const)

async function opened(scene: ListedCluster, store = new MemoryDatastore()) {
  const index = new PinIndex(store)
  const applied: string[] = []
  const feed = new IndexFeed({ clock: scene.clock, log: scene.log, cluster: scene.cluster }, index, (keys) =>
    applied.push(...keys)
  )
  feed.start()
  await ready(
    feed,
    scene.log.lines.filter(({ level }) => level === 'error')
  )
  return { index, feed, store, applied }
}

async function ready(feed: IndexFeed, lines: readonly LogLine[]): Promise<void> {
  for (let turn = 0; !feed.isReady && turn < 100; turn++) await settle()
  expect([feed.isReady, lines.map(({ fields }) => fields)]).toEqual([true, []])
}

function fill(scene: ListedCluster, count: number, random: () => number): void {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  for (let n = 0; n < count; n++) {
    const metadata = random() < 0.5 ? new Map([['app', random() < 0.5 ? 'x' : 'y']]) : undefined
    const pin = scene.pin(n, Math.floor(random() * 60), { name: pick(names) ?? '', metadata })
    scene.setStatus(pin.cid, random() < 0.8 ? TrackerStatus.pinned : (pick(statuses) ?? TrackerStatus.pinned))
  }
}

const shown = ({ count, results }: Listed) => ({
  count,
  results: results.map(({ pin, status }) => [pin.cid.toString(), pin.createdMs, pin.name, status])
})

describe('a listing from the index', () => {
  it.each([1, 2, 3])('is that from the statuses of all pins, whatever changes: schedule %d', async (seed) => {
    const random = seededRandom(seed)
    const scene = new ListedCluster()
    const recent = new RecentChanges(scene.clock)
    fill(scene, 200, random)
    const { index, feed, store } = await opened(scene)
    for (let round = 0; round < 2; round++) {
      for (const [text, query] of queries) {
        const expected = await listByStatus(scene.cluster, query, recent.all(), { signal })
        const found = await listByIndex(scene.cluster, index, query, recent.all(), signal)
        expect([text, found && shown(found)]).toEqual([text, shown(expected)])
      }
      for (let n = 0; n < 60; n++) {
        const one = Math.floor(random() * 400)
        if (random() < 0.4) scene.unpin(one)
        else scene.pin(one, Math.floor(random() * 60), { name: names[one % names.length] ?? '' })
      }
      await settle()
    }
    await feed.stop()
    // What is on disk shows the same, and nothing had to be compared to say so.
    const again = await opened(scene, store)
    const [, everything] = queries[1] ?? expect.unreachable()
    const found = await listByIndex(scene.cluster, again.index, everything, new Map(), signal)
    expect(found && shown(found)).toEqual(shown(await listByStatus(scene.cluster, everything, new Map(), { signal })))
    await again.feed.stop()
    expect(scene.watchers).toBe(0)
  })

  it('reads only statuses of pins that are not just pinned', async () => {
    const scene = new ListedCluster()
    for (let n = 0; n < 50; n++) scene.pin(n, n)
    scene.setStatus(testCid(7), TrackerStatus.pinError)
    const { index, feed } = await opened(scene)
    const listed = await listByIndex(scene.cluster, index, listQueryOf(new Map()), new Map(), signal)
    expect([listed?.count, scene.statusesRead]).toEqual([50, 1])
    await feed.stop()
  })

  it('leaves it to the statuses when a peer that holds pins is not there', async () => {
    const scene = new ListedCluster()
    scene.pin(1, 1, { allocations: [testPeerId(5)] })
    const { index, feed } = await opened(scene)
    expect(await listByIndex(scene.cluster, index, listQueryOf(new Map()), new Map(), signal)).toBeUndefined()
    scene.pin(1, 1, { allocations: [testPeerId(0)] })
    await settle()
    expect(await listByIndex(scene.cluster, index, listQueryOf(new Map()), new Map(), signal)).toMatchObject({
      count: 1
    })
    await feed.stop()
  })

  it('shows what was done a moment ago', async () => {
    const scene = new ListedCluster()
    const recent = new RecentChanges(scene.clock)
    scene.pin(1, 1, { name: 'old' })
    scene.pin(2, 2)
    const { index, feed, applied } = await opened(scene)
    const other = new ListedCluster()
    recent.pinned(servedPinOf(other.pin(1, 9, { name: 'new' })))
    recent.pinned(servedPinOf(other.pin(3, 10)))
    recent.removed(pinsetKey(testCid(2)))
    const list = () => listByIndex(scene.cluster, index, listQueryOf(new Map()), recent.all(), signal)
    expect((await list())?.results.map(({ pin, status }) => [pin.name, status])).toEqual([
      ['', 'queued'],
      ['new', 'queued']
    ])
    expect((await list())?.count).toBe(2)
    expect(applied).toEqual([])
    await feed.stop()
  })

  it('is compared with the pinset on resync, after a crash, and made anew when it has another form', async () => {
    const scene = new ListedCluster()
    fill(scene, 40, seededRandom(9))
    const { index, feed, store } = await opened(scene)
    const everything = listQueryOf(new Map([['limit', '1000']]))
    const check = async (which: PinIndex) => {
      const found = await listByIndex(scene.cluster, which, everything, new Map(), signal)
      expect(found && shown(found)).toEqual(shown(await listByStatus(scene.cluster, everything, new Map(), { signal })))
    }
    scene.pins.delete([...scene.pins.keys()][3] ?? '')
    scene.resync()
    await settle()
    await check(index)
    // A crash: nobody said that all is well.
    const copy = new MemoryDatastore()
    for await (const { key, value } of store.query({})) copy.put(key, value)
    scene.pins.delete([...scene.pins.keys()][5] ?? '')
    const after = await opened(scene, copy)
    await check(after.index)
    await Promise.all([feed.stop(), after.feed.stop()])
  })
})
