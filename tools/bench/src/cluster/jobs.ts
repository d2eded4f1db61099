import type { Remote } from '@cluster/api'
import { createCluster, DEFAULT_CLUSTER_CONFIG, type Core } from '@cluster/cluster'
import { diskScratch } from '@cluster/peer'
import { MemoryCluster, type MemoryCollaborators } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from '../job.ts'
import { PeakMemory, usedBytes } from '../pintracker/tracker-bench.ts'
import { manyAnswers, manyStatuses } from './many-statuses.ts'

const PEERS = 3
const PINS = Number(process.env['BENCH_PINS'] ?? 2 ** 20)
const LIMIT_MIB = 96
const PAGES_PER_LOOK = 16
const PAGES_PER_COLLECTION = 256
const MIB = 1024 * 1024
const ADDRESSES = [multiaddr('/ip4/10.0.0.1/tcp/4001'), multiaddr('/ip4/10.0.0.1/udp/4001/quic-v1')]

/** The other peers, as the one that is asked sees them. */
function answering(remote: Remote, order: 'pinset' | 'shuffled'): Remote {
  return {
    call: (peer, method, argument, options) => remote.call(peer, method, argument, options),
    supports: () => Promise.resolve(order === 'pinset'),
    async *stream(peer, method) {
      if (method !== 'PinTracker.StatusAll') throw new Error(`nobody asks for ${method}`)
      const who = { peer, peername: 'peer', ipfsPeerId: peer, ipfsPeerAddresses: ADDRESSES }
      // The union of all replies does not know that this method's are statuses.
      yield* manyAnswers(PINS, order, who) as AsyncIterable<never>
    }
  }
}

/** The status of everything, asked at one of three peers that hold it all. */
function statusOfAll(order: 'pinset' | 'shuffled', what: string): Job {
  return async (say) => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-cluster-'))
    const make = (core: MemoryCollaborators, index: number): Core => {
      const asking = { ...core, remote: answering(core.remote, order), scratch: diskScratch(folder) }
      return createCluster(index === 0 ? asking : core, DEFAULT_CLUSTER_CONFIG)
    }
    const cluster = new MemoryCluster(make, { peers: PEERS })
    try {
      await cluster.start()
      const asked = cluster.peer(0)
      asked.tracker.statusAll = () => manyStatuses(PINS)
      const before = usedBytes()
      let held = 0
      const peak = new PeakMemory()
      const startedMs = performance.now()
      const cpu = process.cpuUsage()
      let firstMs: number | undefined
      let count = 0
      let pages = 0
      for await (const page of asked.core.statuses.statusAll(0, {})) {
        firstMs ??= performance.now() - startedMs
        for (const { peerMap } of page) {
          if (peerMap?.size !== PEERS) throw new Error(`${String(peerMap?.size)} peers instead of ${PEERS}`)
        }
        count += page.length
        if (pages++ % PAGES_PER_LOOK === 0) peak.look()
        if (pages % PAGES_PER_COLLECTION === 0) held = Math.max(held, usedBytes() - before)
      }
      if (count !== PINS) throw new Error(`${count} pins instead of ${PINS}`)
      const { user, system } = process.cpuUsage(cpu)
      const seconds = (performance.now() - startedMs) / 1_000
      say({ name: `merge ${PEERS} peers' statuses of ${PINS} pins, ${what}`, value: PINS / seconds, unit: 'pins/s' })
      say({ name: 'processor time for each, all of it', value: (user + system) / PINS, unit: 'µs' })
      say({ name: 'first line after', value: firstMs ?? 0, unit: 'ms' })
      say({ name: `growth of memory that is held, limit ${LIMIT_MIB}`, value: held / MIB, unit: 'MiB' })
      say({ name: 'peak heap growth, what is not yet collected included', value: peak.heapMiB, unit: 'MiB' })
      say({ name: 'peak resident growth', value: peak.residentMiB, unit: 'MiB' })
    } finally {
      await cluster.stop()
      await rm(folder, { recursive: true })
    }
  }
}

/** What `nx bench cluster` measures. */
export const jobs: Readonly<Record<string, Job>> = {
  ordered: statusOfAll('pinset', 'all ours'),
  unordered: statusOfAll('shuffled', 'the others of the reference, sorted on disk')
}
