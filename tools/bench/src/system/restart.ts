import { contentCid, InstantDaemons, writeHistory } from '@cluster/processes'
import { createIdentity } from '@cluster/config'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuSeconds } from '../cpu.ts'
import type { Job } from '../job.ts'
import { residentMiB } from '../memory.ts'
import { BenchPeers, type BenchPeer } from './bench-peers.ts'
import { peakMiB, resetPeak } from './peak-memory.ts'
import { untilVisible } from './pinsets.ts'

const PINS = Number(process.env['BENCH_PINS'] ?? 1_000_000)
const PINS_PER_BLOCK = 1000
const LISTINGS = 3
const POLL_MS = 5
/** So little CPU time in such a time is idle. */
const IDLE_SECONDS = 0.1
const IDLE_MS = 2000
const LIMIT_MS = 600_000

/** A peer with a large pinset: from its start to the first answer, and what listing costs. */
export const restart: Job = async (say) => {
  const title = `${PINS.toString()} pins`
  await using daemons = await InstantDaemons.start(1)
  await using peers = await BenchPeers.create()
  const seed = randomBytes(8).toString('hex')
  // pinned by somebody else: what the tracker does with so many pins is not measured here
  const holder = (await createIdentity()).id.toString()
  let peer: BenchPeer = await peers.start({
    daemon: daemons.address(0),
    beforeStart: (folder) => writeHistory(folder, { pins: PINS, pinsPerBlock: PINS_PER_BLOCK, seed, holder })
  })
  for (let round = 0; round < LISTINGS; round++) {
    await peer.process.stop()
    const startedMs = Date.now()
    const running = peer.restart()
    await untilAnswered(peer.restUrl, contentCid(`${seed} ${(PINS - 1).toString()}`))
    say({ name: `${title}: from the start to the first answer`, value: Date.now() - startedMs, unit: 'ms' })
    peer = await running
  }
  const pid = peer.process.pid ?? 0
  await untilIdle(pid)
  for (let round = 0; round < LISTINGS; round++) {
    const before = await residentMiB(pid)
    await resetPeak(pid)
    const begunMs = Date.now()
    const { pins } = await untilVisible(peer.restUrl, PINS, [], 0)
    if (pins !== PINS) throw new Error(`${title}: ${pins.toString()} were listed`)
    const peak = await peakMiB(pid)
    say({ name: `${title}: listing`, value: (PINS * 1000) / (Date.now() - begunMs), unit: 'pins/s' })
    if (before === undefined || peak === undefined) continue
    say({ name: `${title}: memory before listing`, value: before, unit: 'MiB' })
    say({ name: `${title}: peak growth of memory while listing`, value: peak - before, unit: 'MiB' })
  }
}

/** Waits until the process has nothing to do: after its start it compares its pins with those of the cluster. */
async function untilIdle(pid: number): Promise<void> {
  const endMs = Date.now() + LIMIT_MS
  for (let before = -1, now = await cpuSeconds(pid); now - before > IDLE_SECONDS && Date.now() < endMs;) {
    await pause(IDLE_MS)
    before = now
    now = await cpuSeconds(pid)
  }
}

async function untilAnswered(url: string, cid: string): Promise<void> {
  const endMs = Date.now() + LIMIT_MS
  while (Date.now() < endMs) {
    const status = await fetch(`${url}/allocations/${cid}`).then(
      async (response) => {
        await response.arrayBuffer()
        return response.status
      },
      () => 0
    )
    if (status === 200) return
    await pause(POLL_MS)
  }
  throw new Error('no answer')
}
