import { get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { pinToJSON } from '@cluster/wire'
import { cpuSeconds } from '../cpu.ts'
import type { Job } from '../job.ts'
import { anonymousMiB } from '../memory.ts'
import { manyPins } from './many-pins.ts'
import { PINS } from './role.ts'
import { serving, type Serving } from './serving.ts'

const LIMIT_MIB = 64
const SAMPLE_MS = 20
const MIB = 1024 * 1024
/** A client that takes this much, then rests: about 10 MiB/s, and far less than the server has. */
const BURST_BYTES = MIB
const REST_MS = 100
/** Bytes that the slow client takes so slowly; then it hurries, so that the bench ends. */
const SLOW_BYTES = 60 * MIB

/** The listing of a pinset, over HTTP and without. */
export const allocations: Job = async (say) => {
  const bare = await bareLoop()
  say({ name: `JSON.stringify of ${PINS} pins, bare loop`, value: PINS / bare, unit: 'pins/s' })
  for (const pace of ['fast', 'slow'] as const) {
    await serving('api', async (server) => {
      const first = await measured(server, () => listing(server, 'fast')) // what is compiled costs time once
      const { seconds, peakMiB, wallSeconds } = await measured(server, () => listing(server, pace))
      const grownMiB = Math.max(first.peakMiB, peakMiB) - first.baseMiB
      const what = `GET /allocations, ${PINS} pins, a ${pace} client`
      say({ name: `${what}: processor time`, value: PINS / seconds, unit: 'pins/s' })
      if (pace === 'fast') say({ name: `${what}: by the clock`, value: PINS / wallSeconds, unit: 'pins/s' })
      if (pace === 'fast')
        say({ name: `${what}: share of the bare loop, wanted 0.5`, value: bare / seconds, unit: 'x' })
      say({ name: `${what}: peak resident growth`, value: grownMiB, unit: 'MiB' })
    })
    await serving('api-held', async (server) => {
      await listing(server, pace)
      const held = Number(await server.line()) / MIB
      say({ name: `the same: growth of memory that is held, limit ${LIMIT_MIB}`, value: held, unit: 'MiB' })
    })
  }
}

/** Seconds of processor time for the same objects as plain JSON, nowhere to go. */
async function bareLoop(): Promise<number> {
  const [[first] = []] = await Array.fromAsync(manyPins(1))
  if (first === undefined) throw new Error('there is no pin')
  const plain = JSON.parse(pinToJSON(first)) as Record<string, unknown>
  let bytes = 0
  const loop = async (): Promise<void> => {
    for await (const page of manyPins(PINS)) {
      for (const { cid, name } of page) {
        const json = JSON.stringify({ ...plain, cid: cid.toString(), name })
        bytes += json.length + 1
      }
    }
  }
  await loop()
  const before = process.threadCpuUsage()
  await loop()
  const { user, system } = process.threadCpuUsage(before)
  if (bytes === 0) throw new Error('nothing was written')
  return (user + system) / 1e6
}

async function measured(server: Serving, work: () => Promise<void>) {
  const base = (await anonymousMiB(server.pid)) ?? 0
  const cpu = await cpuSeconds(server.pid)
  const begun = performance.now()
  let peak = base
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      peak = Math.max(peak, (await anonymousMiB(server.pid)) ?? 0)
      await rest(SAMPLE_MS)
    }
  })()
  await work()
  over.abort()
  await watching
  const wallSeconds = (performance.now() - begun) / 1000
  return { seconds: (await cpuSeconds(server.pid)) - cpu, baseMiB: base, peakMiB: peak, wallSeconds }
}

async function listing({ port }: Serving, pace: 'fast' | 'slow'): Promise<void> {
  const [answer] = (await once(get({ port, path: '/allocations' }), 'response')) as [IncomingMessage]
  let lines = 0
  let bytes = 0
  let burst = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
    if (pace === 'fast' || bytes > SLOW_BYTES) continue
    burst += chunk.length
    if (burst < BURST_BYTES) continue
    burst = 0
    await rest(REST_MS)
  }
  if (lines !== PINS) throw new Error(`${lines} lines instead of ${PINS}`)
  if (answer.trailers['x-stream-error'] !== '') throw new Error('the listing broke off')
}

async function rest(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}
