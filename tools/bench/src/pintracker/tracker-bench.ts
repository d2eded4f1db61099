import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { IPFSPinStatus, type IpfsConnector } from '@cluster/api'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { IndexedTracker, statelessConfig } from '@cluster/pintracker'
import { testContext } from '@cluster/testing'
import type { ManyPins } from './many-pins.ts'

const MIB = 1 << 20

/** A daemon that has done everything at once, or holds all calls. */
export class InstantDaemon implements Pick<IpfsConnector, 'pin' | 'unpin' | 'pinLs' | 'pinLsCid'> {
  readonly #pins: ManyPins
  readonly #gate: Promise<unknown> | undefined
  calls = 0
  /** The calls that fail, counted from 1. */
  failing = 0

  /** @param gate - calls wait for it */
  constructor(pins: ManyPins, gate?: Promise<unknown>) {
    this.#pins = pins
    this.#gate = gate
  }

  async pin(): Promise<void> {
    this.calls += 1
    if (this.calls <= this.failing) throw new Error('no space left on device')
    await this.#gate
  }

  async unpin(): Promise<void> {
    this.calls += 1
    await this.#gate
  }

  pinLsCid(): Promise<IPFSPinStatus> {
    this.calls += 1
    return Promise.resolve(IPFSPinStatus.recursive)
  }

  pinLs(types: readonly ('recursive' | 'direct')[]): ReturnType<IpfsConnector['pinLs']> {
    return types.includes('recursive') ? this.#pins.listed() : nothing()
  }
}

async function* nothing(): AsyncGenerator<never> {
  yield* await Promise.resolve([])
}

/** Runs a job with a tracker on a LevelDB of its own, which is removed afterwards. */
export async function withTracker(
  pins: ManyPins,
  daemon: InstantDaemon,
  job: (tracker: IndexedTracker) => Promise<void>
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-pintracker-'))
  try {
    const datastore = await LevelPeerDatastore.open(join(folder, 'leveldb'))
    const context = { ...testContext(), datastore, pinset: pins, ipfs: daemon }
    const tracker = new IndexedTracker(context, statelessConfig.defaults)
    tracker.start({})
    await job(tracker)
    await tracker.stop({})
    await datastore.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Bytes of JavaScript in use, buffers included, after a collection. */
export function usedBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** The most memory that was in use at any time, above what was at the beginning. */
export class PeakMemory {
  readonly #before = usedBytes()
  readonly #residentBefore = process.memoryUsage.rss()
  #peak = 0
  #residentPeak = 0

  look(): void {
    const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
    this.#peak = Math.max(this.#peak, heapUsed + arrayBuffers - this.#before)
    this.#residentPeak = Math.max(this.#residentPeak, rss - this.#residentBefore)
  }

  /** In MiB, what is not yet collected included. */
  get heapMiB(): number {
    return this.#peak / MIB
  }

  get residentMiB(): number {
    return this.#residentPeak / MIB
  }
}
