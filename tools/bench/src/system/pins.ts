import { contentCid, findGoProgram, InstantDaemons } from '@cluster/processes'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuSeconds } from '../cpu.ts'
import type { Figure } from '../figure.ts'
import type { Job } from '../job.ts'
import { BenchPeers } from './bench-peers.ts'
import { call } from './call.ts'
import { GoPeers } from './go-peers.ts'
import { untilVisible } from './pinsets.ts'

const PEERS = 3
const CALLERS = 64
const PINS = Number(process.env['BENCH_PINS'] ?? 15_000)
/** The rival shows its pins long after it acknowledged them: fewer are enough. */
const RIVAL_PINS = Math.min(PINS, 3000)
const VISIBLE_LIMIT_MS = 30_000
const DAEMONS_LIMIT_MS = 60_000
/** So many of the last pins are looked for one by one before all are listed. */
const LAST = 2 * CALLERS
const BATCHED = { CLUSTER_CRDT_BATCHING_MAXBATCHSIZE: '100', CLUSTER_CRDT_BATCHING_MAXBATCHAGE: '1s' }

/** A peer under load, of either kind. */
export interface LoadedPeer {
  readonly name: string
  readonly restUrl: string
  readonly pid: number
}

interface Load {
  readonly title: string
  readonly peers: readonly LoadedPeer[]
  readonly daemons: InstantDaemons
  readonly pins: number
  readonly say: (figure: Figure) => void
}

/** Three peers, 64 callers at one of them, each pin its own block. */
export const pins: Job = (say) => compare('batching off', {}, say)

/** The same with blocks of 100 pins, or what came within a second. */
export const pinsBatched: Job = (say) => compare('batching 100 / 1 s', BATCHED, say)

async function compare(kind: string, env: Readonly<Record<string, string>>, say: Load['say']): Promise<void> {
  const ours = await measureOurs(`Pins, ${kind}`, env, say)
  const programs = await Promise.all(['ipfs-cluster-service', 'ipfs-cluster-ctl'].map(findGoProgram))
  const [service, ctl] = programs
  if (service === undefined || ctl === undefined) {
    process.stderr.write('*** no rival: the programs of the Go implementation are not on the PATH ***\n')
    return
  }
  await using daemons = await InstantDaemons.start(PEERS)
  await using peers = await GoPeers.start({ service, ctl, daemons, count: PEERS, env })
  const go = await measure({ title: `Go pins, ${kind}`, peers: peers.loaded, daemons, pins: RIVAL_PINS, say })
  say({ name: `Pins, ${kind}: ours to Go's`, value: ours / go, unit: 'x' })
}

async function measureOurs(title: string, env: Readonly<Record<string, string>>, say: Load['say']): Promise<number> {
  await using daemons = await InstantDaemons.start(PEERS)
  await using peers = await BenchPeers.create()
  for (let index = 0; index < PEERS; index++) await peers.start({ daemon: daemons.address(index), env })
  const loaded = peers.peers.map(({ name, restUrl, process: { pid = 0 } }) => ({ name, restUrl, pid }))
  return await measure({ title, peers: loaded, daemons, pins: PINS, say })
}

/** Puts the load on the first peer, and tells the figures. */
async function measure({ title, peers, daemons, pins: count, say }: Load): Promise<number> {
  const [target] = peers
  if (target === undefined) throw new RangeError('no peers')
  const seed = randomBytes(8).toString('hex')
  // warm: what is compiled and connected once
  await call({ url: target.restUrl, callers: CALLERS, pins: CALLERS * 4, seed: `${seed} warm` })
  await Promise.all(peers.map(({ restUrl }) => untilVisible(restUrl, CALLERS * 4, [], VISIBLE_LIMIT_MS)))
  const processes = [...peers, { name: 'stand-ins', pid: daemons.pid ?? 0 }]
  const before = await Promise.all(processes.map(({ pid }) => cpuSeconds(pid)))
  const countsBefore = await callsOf(daemons, peers.length)

  const done = await call({ url: target.restUrl, callers: CALLERS, pins: count, seed })
  const perSecond = (count - done.failures) / done.seconds
  say({ name: `${title}: durable`, value: perSecond, unit: 'pins/s' })
  if (done.failures > 0) throw new Error(`${done.failures.toString()} pins failed: ${done.failure ?? ''}`)
  say({ name: `${title}: an answer takes, median`, value: done.medianMs, unit: 'ms' })
  say({ name: `${title}: an answer takes, at most`, value: done.slowestMs, unit: 'ms' })
  const last = Array.from({ length: LAST }, (_, index) => contentCid(`${seed} ${(count - 1 - index).toString()}`))
  const wanted = count + CALLERS * 4
  const seen = await Promise.all(peers.map(({ restUrl }) => untilVisible(restUrl, wanted, last, VISIBLE_LIMIT_MS)))
  for (const [index, { name }] of peers.entries()) {
    const { atMs = 0, pins: visible = 0 } = seen[index] ?? {}
    if (visible < wanted) {
      say({
        name: `${title}: ${name} after ${(VISIBLE_LIMIT_MS / 1000).toString()} s still lacks`,
        value: wanted - visible,
        unit: 'pins'
      })
    } else {
      say({ name: `${title}: ${name} lists all after the last answer by`, value: atMs - done.lastAnswerMs, unit: 'ms' })
    }
  }
  const lagMs = Math.max(...seen.map(({ atMs }) => atMs)) - done.lastAnswerMs
  const isVisible = seen.every(({ pins: visible }) => visible >= wanted)
  if (isVisible) {
    const seconds = done.seconds + Math.max(0, lagMs) / 1000
    say({ name: `${title}: durable and listed by all`, value: count / seconds, unit: 'pins/s' })
    await untilPinned(title, daemons, peers.length, wanted, done.lastAnswerMs, say)
  }

  const after = await Promise.all(processes.map(({ pid }) => cpuSeconds(pid)))
  for (const [index, { name }] of processes.entries()) {
    const used = (after[index] ?? 0) - (before[index] ?? 0)
    say({ name: `${title}: CPU of ${name}`, value: (used * 1e6) / count, unit: 'us/pin' })
  }
  say({ name: `${title}: CPU of the callers`, value: (done.cpuSeconds * 1e6) / count, unit: 'us/pin' })
  const counts = await callsOf(daemons, peers.length)
  for (const [name, calls] of counts) {
    const perPin = (calls - (countsBefore.get(name) ?? 0)) / count / peers.length
    if (perPin >= 0.001) say({ name: `${title}: calls ${name} a pin and daemon`, value: perPin, unit: '' })
  }
  return perSecond
}

/** Waits until the daemons hold all pins, which may be later than they are listed. */
async function untilPinned(
  title: string,
  daemons: InstantDaemons,
  count: number,
  wanted: number,
  sinceMs: number,
  say: Load['say']
): Promise<void> {
  const endMs = Date.now() + DAEMONS_LIMIT_MS
  for (;;) {
    const states = await Promise.all(Array.from({ length: count }, (_, index) => daemons.state(index)))
    const missing = states.reduce((sum, { pins: held }) => sum + Math.max(0, wanted - held), 0)
    if (missing === 0) {
      say({ name: `${title}: daemons hold all after the last answer by`, value: Date.now() - sinceMs, unit: 'ms' })
      return
    }
    if (Date.now() > endMs) {
      say({ name: `${title}: daemons still lack, all together`, value: missing, unit: 'pins' })
      return
    }
    await pause(100)
  }
}

async function callsOf(daemons: InstantDaemons, count: number): Promise<Map<string, number>> {
  const sums = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const { counts } = await daemons.state(index)
    for (const [name, calls] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + calls)
  }
  return sums
}
