import { mergePinInfo, PinMode, type Cluster, type GlobalPinInfo, type Pages, type TrackedPin } from '@cluster/api'
import { PinningService, pinsvcConfig } from '@cluster/api-pinsvc'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { IndexedTracker, statelessConfig } from '@cluster/pintracker'
import { LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { Key } from 'interface-datastore'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from '../job.ts'
import { ManyPins } from '../pintracker/many-pins.ts'
import { InstantDaemon, PeakMemory, usedBytes } from '../pintracker/tracker-bench.ts'
import { NamedPins } from './named-pins.ts'

const MIB = 1024 * 1024
const PINS = 1_000_000
const FAILED = 100
const INDEX_LIMIT_MS = 30 * 60_000

/** What is asked for, how often, and what the 99th percentile should be, in milliseconds. */
const questions = [
  ['by cid', 'cid=', 100, 50],
  ['the newest', '', 100, 50],
  ['status pinned', 'status=pinned', 100, 50],
  ['status failed', 'status=failed', 100, 50],
  ['before', 'before=2023-12-15T00:00:00Z', 100, 50],
  ['after', 'after=2024-01-15T00:00:00Z', 100, 50],
  ['exact name', 'name=name-77', 100, 50],
  ['name, any case', 'name=NAME-77&match=iexact', 100, 50],
  ['exact name, before', 'name=name-77&before=2023-12-15T00:00:00Z', 100, 50],
  ['partial name', 'name=ame-77&match=partial', 5, 1500],
  ['partial name, any case', 'name=AME-77&match=ipartial', 5, 1500],
  ['metadata', 'meta=%7B%22app%22%3A%22app-3%22%7D', 5, 1500]
] as const

function clusterOf(pins: NamedPins, tracker: IndexedTracker): Cluster {
  const lone = new LoneCluster()
  const { members, content, health } = lone
  const info = (tracked: TrackedPin): GlobalPinInfo =>
    mergePinInfo(undefined, {
      ...tracked,
      ...{ peer: lone.self, peername: 'one', ipfsPeerId: undefined, ipfsPeerAddresses: undefined }
    })
  async function* infos(pages: Pages<TrackedPin>): Pages<GlobalPinInfo> {
    for await (const page of pages) yield page.map(info)
  }
  return {
    ...{ members, content, health },
    pins: { ...lone.pins, list: () => pins.list() },
    statuses: {
      ...lone.statuses,
      status: async (cid, options) => info(await tracker.status(cid, options)),
      statusAll: (filter, options) => infos(tracker.statusAll(filter, options))
    },
    events: { run: 'bench', lastId: 0, since: () => [], watch: () => () => undefined }
  }
}

/** One request; the answer is read, not looked at. */
async function ask(port: number, query: string): Promise<number> {
  const startedMs = performance.now()
  const outgoing = request({ port, host: '127.0.0.1', path: `/pins?limit=1000&${query}` }).end()
  const [incoming] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream & { statusCode?: number }]
  incoming.resume()
  await once(incoming, 'end')
  if (incoming.statusCode !== 200) throw new Error(`${query}: ${String(incoming.statusCode)}`)
  return performance.now() - startedMs
}

const list: Job = async (say) => {
  const many = await ManyPins.create(PINS)
  const pins = new NamedPins(many)
  const folder = await mkdtemp(join(tmpdir(), 'bench-pinsvc-'))
  const datastore = await LevelPeerDatastore.open(join(folder, 'leveldb'))
  const context = testContext()
  const daemon = new InstantDaemon(many)
  const tracker = new IndexedTracker({ ...context, datastore, pinset: pins, ipfs: daemon }, statelessConfig.defaults)
  tracker.start({})
  await Array.fromAsync(tracker.recoverAll({}))
  daemon.failing = daemon.calls + FAILED
  await tracker.apply(
    Array.from({ length: FAILED }, (_, at) => ({
      type: 'pin' as const,
      pin: { ...many.at(at * 1000), mode: PinMode.direct, maxDepth: 0 }
    })),
    {}
  )

  const service = new PinningService(
    { ...context, cluster: clusterOf(pins, tracker), indexStore: datastore.namespace(new Key('/api')) },
    { ...pinsvcConfig.defaults, httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')] }
  )
  try {
    await service.beforeStart()
    const startedMs = performance.now()
    const peak = new PeakMemory()
    const look = setInterval(() => {
      peak.look()
    }, 100)
    await service.start()
    while (!service.isIndexed) {
      if (performance.now() - startedMs > INDEX_LIMIT_MS) throw new Error('the index was not made in time')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    clearInterval(look)
    say({ name: `index of ${PINS} pins made`, value: PINS / ((performance.now() - startedMs) / 1000), unit: 'pins/s' })
    say({ name: 'peak heap growth of that', value: peak.heapMiB, unit: 'MiB' })

    const port = Number(service.addresses[0]?.getComponents()[1]?.value ?? 0)
    for (const [name, query, times, wantedMs] of questions) {
      const before = usedBytes()
      const growth = new PeakMemory()
      const took: number[] = []
      const cpu = process.cpuUsage()
      for (let time = 0; time < times; time++) {
        const some = Array.from({ length: 50 }, (_, at) => many.at(time * 50 + at).cid.toString()).join()
        took.push(await ask(port, query === 'cid=' ? `cid=${some}` : query))
        growth.look()
      }
      const { user, system } = process.cpuUsage(cpu)
      took.sort((a, b) => a - b)
      say({
        name: `GET /pins?limit=1000 ${name}, p99 (${wantedMs} wanted)`,
        value: took[Math.ceil(times * 0.99) - 1] ?? 0,
        unit: 'ms'
      })
      say({ name: '  median', value: took[times >> 1] ?? 0, unit: 'ms' })
      say({ name: '  processor time of each, with its client', value: (user + system) / 1000 / times, unit: 'ms' })
      say({ name: '  heap growth that stays', value: (usedBytes() - before) / MIB, unit: 'MiB' })
      say({ name: '  peak heap growth, what is not yet collected included', value: growth.heapMiB, unit: 'MiB' })
    }
  } finally {
    await service.stop()
    await tracker.stop({})
    await datastore.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** What `nx bench api-pinsvc` measures. */
export const jobs = { list }
