import { InstantDaemons, writeHistory } from '@cluster/processes'
import { randomBytes } from 'node:crypto'
import { cpuSeconds } from '../cpu.ts'
import type { Job } from '../job.ts'
import { residentMiB } from '../memory.ts'
import { BenchPeers } from './bench-peers.ts'
import { untilVisible } from './pinsets.ts'

const PINS = Number(process.env['BENCH_PINS'] ?? 100_000)
const LIMIT_MS = 600_000

/** A fresh peer takes in everything from one that has it, as processes, over sockets. */
export const catchUp: Job = async (say) => {
  for (const [kind, pinsPerBlock] of [
    ['blocks of 100 pins', 100],
    ['blocks of one pin', 1]
  ] as const) {
    const title = `A fresh peer, ${PINS.toString()} pins in ${kind}`
    await using daemons = await InstantDaemons.start(2)
    await using peers = await BenchPeers.create()
    const seed = randomBytes(8).toString('hex')
    const server = await peers.start({
      daemon: daemons.address(0),
      beforeStart: (folder) => writeHistory(folder, { pins: PINS, pinsPerBlock, seed })
    })
    // its own tracker has all of them to pin: that is not what is measured
    await untilPinned(daemons, 0)
    const serverBefore = await cpuSeconds(server.process.pid ?? 0)
    const startedMs = Date.now()
    const fresh = await peers.start({ daemon: daemons.address(1) })
    const readyMs = Date.now()
    const { atMs, pins } = await untilVisible(fresh.restUrl, PINS, [], LIMIT_MS)
    if (pins < PINS) throw new Error(`${title}: only ${pins.toString()} came`)
    say({ name: `${title}: from its start until it lists all`, value: atMs - startedMs, unit: 'ms' })
    say({ name: `${title}: since it was ready`, value: (PINS * 1000) / Math.max(1, atMs - readyMs), unit: 'pins/s' })
    say({ name: `${title}: since its start`, value: (PINS * 1000) / (atMs - startedMs), unit: 'pins/s' })
    for (const [name, { pid = 0 }, before] of [
      ['fresh peer', fresh.process, 0],
      ['its source', server.process, serverBefore]
    ] as const) {
      say({
        name: `${title}: CPU of the ${name}`,
        value: (((await cpuSeconds(pid)) - before) * 1e6) / PINS,
        unit: 'us/pin'
      })
      const memory = await residentMiB(pid)
      if (memory !== undefined) say({ name: `${title}: memory of the ${name}`, value: memory, unit: 'MiB' })
    }
  }
}

async function untilPinned(daemons: InstantDaemons, index: number): Promise<void> {
  const endMs = Date.now() + LIMIT_MS
  while ((await daemons.state(index)).pins < PINS) {
    if (Date.now() > endMs) throw new Error('the daemon did not get all pins')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
