import { mustHold, ProcessClock, type SimulatedDatastore } from '@cluster/testing'
import { DagBlocks, MerkleCrdt, type MerkleCrdtInit, type MerkleCrdtOptions } from '../src/index.ts'
import { SimulatedExchange, type ExchangeHooks } from './block-exchange.ts'
import { ChangeReader } from './change-reader.ts'
import { GossipPort, type GossipHooks } from './gossip.ts'
import { NAMESPACE } from './image.ts'
import type { World } from './world.ts'

/** Time between rebroadcasts and between repairs: short, so that a schedule sees many. */
const REBROADCAST_MS = 10_000
const REPAIR_MS = 30_000

/** Nobody reads what is logged. */
const silence = (): void => undefined
const SILENT: MerkleCrdtInit['log'] = { debug: silence, info: silence, warn: silence, error: silence }

/** One run of a peer's program: from its start to its end or crash. */
export class Process {
  readonly clock: ProcessClock
  readonly port: GossipPort
  readonly blocks: DagBlocks
  /** How its store works. */
  readonly options: MerkleCrdtOptions
  readonly #world: World
  readonly #storage: SimulatedDatastore
  readonly #exchange: SimulatedExchange
  isAlive = true
  isClosed = false
  store: MerkleCrdt | undefined
  reader: ChangeReader | undefined
  /** Calls of `commit` that were not answered yet. */
  waiting = 0

  constructor(
    world: World,
    storage: SimulatedDatastore,
    options: MerkleCrdtOptions,
    hooks: ExchangeHooks & GossipHooks
  ) {
    this.#world = world
    this.#storage = storage
    this.options = options
    this.clock = new ProcessClock(world.clock)
    this.port = new GossipPort(hooks)
    this.blocks = new DagBlocks(storage, NAMESPACE)
    this.#exchange = new SimulatedExchange(this.blocks, hooks)
  }

  async open(): Promise<void> {
    try {
      this.store = await MerkleCrdt.open({
        storage: this.#storage,
        namespace: NAMESPACE,
        blocks: this.blocks,
        exchange: this.#exchange,
        broadcaster: this.port,
        clock: this.clock,
        random: this.#world.dice.random,
        log: SILENT,
        rebroadcastIntervalMs: REBROADCAST_MS,
        repairIntervalMs: REPAIR_MS,
        fetch: { headTimeoutMs: 3000, blockTimeoutMs: 5000, maxFetches: 16 },
        ...this.options
      })
    } catch (error) {
      if (this.isAlive) this.#checkLeaks('a store that could not be opened')
      throw error
    }
    this.read()
  }

  /** Begins to read the changes, again if somebody did already. */
  read(): void {
    const { store } = this
    if (store === undefined) return
    this.reader?.stop()
    const former = this.reader?.done ?? Promise.resolve()
    const reader = new ChangeReader(store, former, () => this.#pause())
    this.reader = reader
    reader.done.catch((error: unknown) => {
      if (this.isAlive) this.#world.fail(error)
    })
  }

  async close(): Promise<void> {
    await this.store?.close()
    this.isClosed = true
    await this.reader?.done
    mustHold(this.waiting === 0, 'a closed store owes no answer', () => `${this.waiting} commits wait`)
    this.#checkLeaks('a closed store')
    this.isAlive = false
  }

  /** It is gone, in the middle of whatever it did. */
  kill(): void {
    this.isAlive = false
    this.clock.kill()
  }

  #checkLeaks(what: string): void {
    mustHold(this.clock.pending === 0, `${what} leaves no timer`, () => `${this.clock.pending} are set`)
    mustHold(this.#exchange.sessions === 0, `${what} leaves no session`, () => `${this.#exchange.sessions} are open`)
  }

  /** A reader of changes is sometimes slow. */
  async #pause(): Promise<void> {
    const { dice, clock } = this.#world
    if (dice.chance(0.2)) await clock.sleep(dice.random() * 500)
  }
}
