import {
  isRemotePin,
  itemsOf,
  pinOf,
  pinsetKey,
  PinType,
  timestampFromMs,
  TrackerStatus,
  type Pin,
  type PinsetChange
} from '@cluster/api'
import {
  ManualClock,
  MemoryDatastore,
  MemoryPinset,
  seededRandom,
  settle,
  SteeredIpfs,
  testCid,
  testContext,
  testPeerId
} from '@cluster/testing'
import type { Pair } from 'interface-datastore'
import { expect, it } from 'vitest'
import { IndexedTracker } from './indexed-tracker.ts'

/** `SIMULATION_SEED=7 npx vitest run simulation` replays one schedule, `SIMULATION_SCHEDULES=5000` runs more of them. */
const first = Number(process.env['SIMULATION_SEED'] ?? 1)
const schedules = process.env['SIMULATION_SEED'] === undefined ? Number(process.env['SIMULATION_SCHEDULES'] ?? 80) : 1

const STEPS = 60
const CIDS = Array.from({ length: 14 }, (_, i) => testCid(i))
const CONFIG = { maxPinQueueSize: 4, concurrentPins: 2, priorityPinMaxAgeMs: 60_000, priorityPinMaxRetries: 1 }

/** A disk that loses on a power cut what was not made durable, and a tracker on it that dies and comes back. */
class World {
  readonly random: () => number
  readonly clock = new ManualClock()
  readonly pinset = new MemoryPinset()
  readonly wanted = new Map<string, Pin>()
  readonly ipfs = new SteeredIpfs(testPeerId(9))
  readonly log: string[] = []
  #store!: MemoryDatastore
  #durable: Pair[] = []
  tracker!: IndexedTracker
  /** Changes that the tracker has not been told of. */
  undelivered: PinsetChange[] = []
  failing = 0
  /** Whether IPFS loses pins by itself: then only `recoverAll` can find out. */
  readonly isLossy: boolean
  fatals = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.isLossy = seed % 2 === 0
    this.ipfs.onCall = () => {
      if (this.random() < this.failing) throw new Error('weather')
    }
  }

  pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.random() * list.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** Starts a tracker on what the disk holds. */
  async boot(pairs: readonly Pair[]): Promise<void> {
    const store: MemoryDatastore = new MemoryDatastore({
      onCommit: (_operations, durable) => {
        if (store !== this.#store) throw new Error('the machine is off')
        // after the write took effect
        if (durable) queueMicrotask(() => (this.#durable = pairsOf(store)))
      }
    })
    this.#store = store
    for (const { key, value } of pairs) store.put(key, value)
    const base = testContext({ clock: this.clock, random: this.random })
    const fatal = (): void => {
      this.fatals += store === this.#store ? 1 : 0
    }
    this.tracker = new IndexedTracker(
      { ...base, fatal, datastore: store, pinset: this.pinset, ipfs: this.ipfs },
      CONFIG
    )
    this.tracker.start({})
    this.undelivered = [{ type: 'resync' }]
    await settle()
  }

  async restart(how: 'orderly' | 'killed' | 'power cut'): Promise<void> {
    if (how === 'orderly') await this.tracker.stop({})
    const pairs = how === 'power cut' ? this.#durable : pairsOf(this.#store)
    const old = this.tracker
    const dead = new MemoryDatastore()
    this.#store = dead
    // what a dead process leaves running at IPFS ends at some time; here at once
    if (how !== 'orderly') await old.stop({}).catch(() => undefined)
    await this.boot(pairs)
  }

  change(): void {
    const cid = this.pick(CIDS)
    if (this.random() < 0.35) {
      this.pinset.apply([{ type: 'unpin', cid }])
      this.wanted.delete(pinsetKey(cid))
      this.undelivered.push({ type: 'unpin', cid })
      return
    }
    const base = pinOf(cid, { mode: this.random() < 0.3 ? 1 : 0, timestamp: timestampFromMs(this.clock.nowMs()) })
    const everywhere = { ...base, replicationFactorMin: -1, replicationFactorMax: -1 }
    const elsewhere = { ...base, replicationFactorMin: 1, replicationFactorMax: 1, allocations: [testPeerId(50)] }
    const pin = this.pick([everywhere, everywhere, elsewhere])
    this.pinset.apply([{ type: 'pin', pin }])
    this.wanted.set(pinsetKey(cid), pin)
    this.undelivered.push({ type: 'pin', pin })
  }

  /** Tells the tracker; now and then the feed overflowed, and it is told to compare instead. */
  async deliver(): Promise<void> {
    const changes = this.random() < 0.1 ? [{ type: 'resync' } as const] : this.undelivered
    this.undelivered = []
    await this.tracker.apply(changes, {})
    await settle()
  }

  async step(): Promise<void> {
    const dice = this.random()
    const did = (text: string): void => {
      this.log.push(text)
    }
    if (dice < 0.45) {
      did('change')
      this.change()
      if (this.random() < 0.7) await this.deliver()
    } else if (dice < 0.55) {
      did('weather')
      this.failing = this.pick([0, 0.3, 0.9])
    } else if (dice < 0.65) {
      did('hold')
      const release = this.ipfs.hold(this.pick(CIDS))
      this.clock.setTimer(this.clock.nowMs() + 1 + Math.floor(this.random() * 100_000), release)
    } else if (dice < 0.75) {
      did('time')
      await this.clock.advance(Math.floor(this.random() * 200_000))
    } else if (dice < 0.8 && this.isLossy) {
      did('loss')
      await this.ipfs.lose(this.pick(CIDS))
    } else if (dice < 0.86) {
      did('recover')
      await Array.fromAsync(this.tracker.recoverAll({})).catch((error: unknown) => {
        // the queue is small
        if (!String(error).includes('queue is full')) throw error
      })
    } else if (dice < 0.92) {
      did('restart')
      await this.restart(this.pick(['orderly', 'killed', 'power cut']))
    } else {
      did('deliver')
      await this.deliver()
    }
    await settle()
    await this.checkAlways()
  }

  async checkAlways(): Promise<void> {
    expect(this.ipfs.mostPerCid).toBeLessThanOrEqual(1)
    expect(this.ipfs.mostPins).toBeLessThanOrEqual(CONFIG.concurrentPins)
    expect(this.tracker.pinQueueSize()).toBeLessThanOrEqual(2 * CONFIG.maxPinQueueSize)
    const keys = (await Array.fromAsync(itemsOf(this.tracker.statusAll(0, {})))).map(({ cid }) => pinsetKey(cid))
    expect(keys).toEqual(keys.toSorted())
    expect(new Set(keys).size).toBe(keys.length)
    expect(this.fatals).toBe(0)
  }

  /** Good weather, everything told, time to work: IPFS must have what the pinset wants, and nothing else. */
  async checkConverged(): Promise<void> {
    this.failing = 0
    await this.clock.advance(200_000)
    if (this.undelivered.length > 0) await this.deliver()
    await this.clock.advance(8 * 3_600_000)
    if (this.isLossy) {
      await Array.fromAsync(this.tracker.recoverAll({})).catch(() => undefined)
      await this.clock.advance(8 * 3_600_000)
    }
    const { self } = testContext()
    const wanted = [...this.wanted.values()].filter((pin) => pin.type === PinType.data && !isRemotePin(pin, self))
    const pinned: Record<string, string[]> = {}
    for (const type of ['recursive', 'direct'] as const) {
      for await (const { cid } of itemsOf(this.ipfs.pinLs([type], {}))) (pinned[cid.toString()] ??= []).push(type)
    }
    const expected = Object.fromEntries(
      wanted.map(({ cid, maxDepth }) => [cid.toString(), maxDepth === 0 ? expect.anything() : ['recursive']])
    )
    expect(pinned).toEqual(expected)
    const infos = await Array.fromAsync(itemsOf(this.tracker.statusAll(0, {})))
    expect(infos.map(({ cid }) => pinsetKey(cid))).toEqual([...this.wanted.keys()].sort())
    for (const { cid, status } of infos) {
      const pin = this.wanted.get(pinsetKey(cid))
      const isRemote = pin !== undefined && isRemotePin(pin, self)
      expect(status).toBe(isRemote ? TrackerStatus.remote : TrackerStatus.pinned)
      expect((await this.tracker.status(cid, {})).status).toBe(status)
    }
    expect(this.tracker.pinQueueSize()).toBe(0)
    await this.tracker.stop({})
    expect(this.clock.pending).toBe(0)
    expect(this.ipfs.running).toBe(0)
  }
}

function pairsOf(store: MemoryDatastore): Pair[] {
  return [...store._all({})]
}

it(`carries the pinset over whatever happens (${schedules} schedules)`, { timeout: 600_000 }, async () => {
  for (let seed = first; seed < first + schedules; seed++) {
    const world = new World(seed)
    try {
      await world.boot([])
      for (let step = 0; step < STEPS; step++) await world.step()
      await world.checkConverged()
    } catch (error) {
      throw new Error(`SIMULATION_SEED=${seed} fails after: ${world.log.join(' ')}`, { cause: error })
    }
  }
})
