import { randomBytes } from 'node:crypto'
import type { FileEntry } from '@cluster/api'
import { ClusterClient } from '@cluster/client'
import { InstantDaemons } from '@cluster/processes'
import { peerIdFromString } from '@libp2p/peer-id'
import { cpuSeconds } from '../cpu.ts'
import type { Job } from '../job.ts'
import { anonymousMiB } from '../memory.ts'
import { BenchPeers, type BenchPeer } from '../system/bench-peers.ts'
import { bareLoop, SOURCE_BYTES } from './bare-loop-role.ts'

const MIB = 1024 * 1024
const DESTINATIONS = 3
/** Read and sent at once by the client. */
const PART_BYTES = MIB
const WARM_BYTES = 64 * MIB
const WATCH_MS = 50
/** What a peer sets for itself; see external-memory.ts of the service. */
const PEER_FLAGS = ['--external-memory-accounted-in-global-limit']
/** `yes` or `no`: only with the cluster secret, or only without. */
const onlySecret = process.env['BENCH_ADD_SECRET']
const total = Number(process.env['BENCH_ADD_MIB'] ?? '512') * MIB

/** One add through a peer to three others, each beside a stand-in for IPFS, against a loop that only sends the bytes. */
export const threePeers: Job = async (say) => {
  for (const hasSecret of [true, false]) {
    if (onlySecret !== undefined && hasSecret !== (onlySecret === 'yes')) continue
    const name = hasSecret ? 'with the secret' : 'without a secret'
    const added = await addTo(hasSecret)
    const secret = hasSecret ? randomBytes(32).toString('hex') : ''
    const loop = await bareLoop(secret, DESTINATIONS, total)
    const tuned = await bareLoop(secret, DESTINATIONS, total, PEER_FLAGS)
    const mib = total / MIB
    say({ name: `Add to three peers, ${name}`, value: mib / added.seconds, unit: 'MiB/s' })
    say({ name: '  bare loop over the same streams', value: mib / loop.seconds, unit: 'MiB/s' })
    say({ name: '  of the speed of the loop (wanted: 0.60)', value: loop.seconds / added.seconds, unit: 'x' })
    say({ name: '  CPU of the adding peer', value: (added.cpuSeconds * 1024) / mib, unit: 's/GiB' })
    say({ name: '  CPU of the loop', value: (loop.cpuSeconds * 1024) / mib, unit: 's/GiB' })
    say({ name: '  CPU of one SHA-256', value: (loop.hashSeconds * 1024) / mib, unit: 's/GiB' })
    const ratio = added.cpuSeconds / (loop.cpuSeconds + loop.hashSeconds)
    say({ name: '  CPU of the loop and one SHA-256 (wanted: 1.50 at most)', value: ratio, unit: 'x' })
    say({ name: '  CPU of a loop with the V8 flag of peers', value: (tuned.cpuSeconds * 1024) / mib, unit: 's/GiB' })
    const tunedRatio = added.cpuSeconds / (tuned.cpuSeconds + tuned.hashSeconds)
    say({ name: '  CPU of such a loop and one SHA-256', value: tunedRatio, unit: 'x' })
    say({ name: '  growth of memory (wanted: 128 at most)', value: added.grownMiB, unit: 'MiB' })
  }
}

/** What an add cost the peer that it went through. */
interface Cost {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly grownMiB: number
}

async function addTo(hasSecret: boolean): Promise<Cost> {
  await using daemons = await InstantDaemons.start(DESTINATIONS + 1)
  await using peers = await BenchPeers.create()
  for (let index = 0; index <= DESTINATIONS; index++) {
    await peers.start({ daemon: daemons.address(index), ...(hasSecret ? {} : { env: { CLUSTER_SECRET: '' } }) })
  }
  const [first, ...others] = peers.peers
  const pid = first?.process.pid
  if (first === undefined || pid === undefined) throw new Error('no process')
  const client = new ClusterClient({ url: first.restUrl })
  try {
    await untilMet(client)
    const source = randomBytes(SOURCE_BYTES)
    await add(client, others, source, WARM_BYTES)
    const before = { cpu: await cpuSeconds(pid), memory: (await anonymousMiB(pid)) ?? 0 }
    let peak = before.memory
    const watch = setInterval(() => {
      void anonymousMiB(pid).then((now = 0) => (peak = Math.max(peak, now)))
    }, WATCH_MS)
    const begun = performance.now()
    await add(client, others, source, total)
    const seconds = (performance.now() - begun) / 1000
    clearInterval(watch)
    return { seconds, cpuSeconds: (await cpuSeconds(pid)) - before.cpu, grownMiB: peak - before.memory }
  } finally {
    client.close()
  }
}

/** Blocks go to those who have told how much room they have. */
async function untilMet(client: ClusterClient): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  while ((await client.metrics('freespace', { signal })).length <= DESTINATIONS) {
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function add(client: ClusterClient, to: readonly BenchPeer[], source: Uint8Array, bytes: number): Promise<void> {
  const params = {
    replicationFactorMin: DESTINATIONS,
    replicationFactorMax: DESTINATIONS,
    userAllocations: to.map(({ address }) => peerIdFromString(address.toString().split('/p2p/')[1] ?? '')),
    cidVersion: 1,
    rawLeaves: true
  }
  async function* content(): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < bytes; sent += PART_BYTES) {
      await Promise.resolve()
      yield source.subarray(sent % source.length, (sent % source.length) + PART_BYTES)
    }
  }
  const entry: FileEntry = { type: 'file', path: 'file', content: content() }
  let holders = 0
  for await (const { allocations } of client.add([entry], params)) holders = allocations?.length ?? 0
  if (holders !== to.length) throw new Error(`the blocks went to ${holders.toString()} peers`)
}
