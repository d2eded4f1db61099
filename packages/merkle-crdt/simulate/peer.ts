import { mustHold, SimulatedDisk, Violation } from '@cluster/testing'
import type { CatchUpChannel, CatchUpPeer, CrdtOperation, MerkleCrdtOptions } from '../src/index.ts'
import { CatchUpLink } from './catch-up-link.ts'
import {
  blockKey,
  checkImage,
  countValues,
  describeWrite,
  isTakingIn,
  processedKey,
  processedOn,
  readImage,
  valueKey,
  type Image
} from './image.ts'
import { idOfCid, readBroadcast } from './model-block.ts'
import { reach } from './model.ts'
import { Process } from './process.ts'
import type { World } from './world.ts'

/** What the disk of the simulation throws, and callers that lose patience: not faults of the store. */
const SIMULATED = 'simulated:'

/** A peer: its disk, and the process that runs on it at times. */
export class Peer {
  readonly number: number
  readonly disk: SimulatedDisk
  readonly #world: World
  /** Peers whose messages it takes. */
  readonly trusted = new Set<number>()
  /** Heads that it heard of from those. */
  readonly #heard = new Set<string>()
  /** Blocks that it got by the exchange. */
  readonly fetched = new Set<string>()
  process: Process | undefined
  /** Set while it opens or closes its store. */
  #isBusy = false
  /** Keys with a value when the process opened its store. */
  #keysAtOpen: number | undefined

  constructor(world: World, number: number) {
    this.#world = world
    this.number = number
    this.disk = new SimulatedDisk(world.clock, world.dice.random, (changes) => {
      for (const { text, value } of changes) if (value !== undefined) world.registry.wrote(number, text, value)
      world.tell(() => `${this.name} writes ${describeWrite(changes)}`)
    })
  }

  get name(): string {
    return `peer ${this.number}`
  }
  /** Whether its store can be used. */
  get isUp(): boolean {
    return this.process?.store !== undefined && !this.#isBusy
  }
  get isDown(): boolean {
    return this.process === undefined
  }

  /** Starts the program; it takes simulated time. */
  start(options: MerkleCrdtOptions): void {
    if (this.process !== undefined) return
    this.#world.tell(
      () =>
        `${this.name} starts${Object.keys(options)
          .map((name) => `, ${name}`)
          .join('')}`
    )
    const process: Process = new Process(this.#world, this.disk.mount(), options, {
      fetch: (cid, signal) => this.#world.fetch(this, process, cid, signal),
      publish: (data, signal) => this.#publish(process, data, signal),
      serving: (cid) => {
        if (process.isAlive) this.#mustBeSafe(idOfCid(cid.bytes), 'only what is durable is served')
      }
    })
    this.process = process
    this.#keysAtOpen = isTakingIn(this.disk.entries) ? undefined : countValues(this.disk.entries)
    this.#run(process, () => process.open())
  }

  /** Closes the store; it takes simulated time. */
  stop(): void {
    const { process } = this
    if (process === undefined || !this.isUp) return
    this.#world.tell(() => `${this.name} closes its store`)
    this.#run(process, async () => {
      await process.close()
      if (this.process !== process) return // it was killed meanwhile
      this.process = undefined
      this.disk.unmount()
      this.check()
    })
  }

  /** `kill -9`, or the power fails. */
  crash(isPowerLoss: boolean): void {
    if (this.process === undefined) return
    this.process.kill()
    this.process = undefined
    this.#isBusy = false
    if (isPowerLoss) {
      const lost = this.disk.losePower()
      this.#world.tell(() => `${this.name} loses its power and ${lost} commits`)
    } else {
      this.disk.kill()
      this.#world.tell(() => `${this.name} is killed`)
    }
    this.#world.attempt(() => {
      this.check()
    })
  }

  #run(process: Process, task: () => Promise<void>): void {
    this.#isBusy = true
    task().then(
      () => {
        if (this.process !== undefined && this.process !== process) return
        this.#isBusy = false
      },
      (error: unknown) => {
        if (!process.isAlive || this.process !== process) return
        if (error instanceof Violation || !isSimulated(error)) this.#world.fail(error)
        this.crash(false)
      }
    )
  }

  /** Asks the store for changes. */
  commit(operations: readonly CrdtOperation[], patienceMs: number | undefined): void {
    const { process } = this
    if (process?.store === undefined) return
    const { ledger, clock } = this.#world
    const told = ledger.issue(this.number, operations, process.options.batching !== undefined, (key) =>
      isTakingIn(this.disk.entries) ? undefined : this.valueOf(key)
    )
    this.#world.tell(() => `${this.name} ${operations.map(describe).join(', ')}`)
    const impatience = new AbortController()
    if (patienceMs !== undefined) {
      clock.setTimer(clock.nowMs() + patienceMs, () => {
        impatience.abort(new Error(`${SIMULATED} nobody waits any more`))
      })
    }
    process.waiting += 1
    process.store.commit(operations, patienceMs === undefined ? {} : { signal: impatience.signal }).then(
      () => {
        process.waiting -= 1
        if (!process.isAlive) return
        told()
        this.#world.tell(() => `${this.name} acknowledges ${operations.map(describe).join(', ')}`)
      },
      (error: unknown) => {
        process.waiting -= 1
        if (!process.isAlive) return
        if (isSimulated(error) || isRefusal(error)) {
          this.#world.tell(() => `${this.name} refuses ${operations.map(describe).join(', ')}: ${String(error)}`)
        } else this.#world.fail(error)
      }
    )
  }

  /** Something that the process does by the way. */
  background(task: () => Promise<void>): void {
    const { process } = this
    task().catch((error: unknown) => {
      if (process?.isAlive === true && !isSimulated(error)) this.#world.fail(error)
    })
  }

  /** A message reached it. */
  receive(from: number, data: Uint8Array, heads: readonly string[]): void {
    if (this.process === undefined || !this.trusted.has(from)) return
    for (const head of heads) this.#heard.add(head)
    this.process.port.receive(data)
  }

  /** The other peers that it can catch up with now. */
  catchUpPeers(): CatchUpPeer[] {
    const { peers } = this.#world
    return peers
      .filter(
        (peer) => peer !== this && peer.process?.options.catchUp !== undefined && !this.#world.isApart(this, peer)
      )
      .map((peer) => {
        const isTrusted = this.trusted.has(peer.number)
        return { id: peer.name, isTrusted, open: () => this.#connect(peer, isTrusted) }
      })
  }

  async #connect(to: Peer, isTrusted: boolean): Promise<CatchUpChannel> {
    const { clock, network } = this.#world
    await clock.sleep(2 * network.delayMs())
    if (!to.isUp || this.#world.isApart(this, to)) throw new Error('simulated: no connection')
    const link = new CatchUpLink(this.#world, this, to, () => {
      // a snapshot of a trusted peer counts as an announcement of all that is in it
      if (isTrusted) for (const id of processedOn(to.disk.entries)) this.#heard.add(id)
    })
    void to.process?.store?.serveCatchUp(link.server, this.name)
    return link.client
  }

  async #publish(process: Process, data: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (!process.isAlive) return
    this.#world.attempt(() => {
      mustHold(!process.isClosed, 'a closed store announces nothing', () => this.name)
      for (const head of readBroadcast(data)) this.#mustBeSafe(head, 'only what is durable is announced')
    })
    await this.#world.publish(this, data, signal)
  }

  #mustBeSafe(id: string, invariant: string): void {
    this.#world.attempt(() => {
      const isSafe = this.disk.isSafe(blockKey(id)) && this.disk.isSafe(processedKey(id))
      mustHold(isSafe, invariant, () => `${this.name}: ${id}`)
    })
  }

  /** The value of a key as it stands on the disk. */
  valueOf(key: string): string | undefined {
    const value = this.disk.entries.get(valueKey(key))
    return value === undefined ? undefined : Buffer.from(value).toString('latin1')
  }

  image(): Image {
    return readImage(this.disk.entries)
  }

  /** What must hold at any time. */
  check(): void {
    const image = this.image()
    checkImage(image, this.#world.registry.blocks, this.name)
    this.checkOrigin(image)
  }

  /** Whatever it merged is its own, or somebody whom it trusted then announced something above it. */
  checkOrigin(image: Image): void {
    const { registry } = this.#world
    const allowed = reach([...registry.ownOf(this.number, this.fetched), ...this.#heard], registry.blocks)
    for (const id of image.processed) {
      mustHold(allowed.has(id), 'nothing is merged that no trusted peer announced', () => `${this.name}: ${id}`)
    }
  }

  /** What must hold when all is merged: also what the store and its feed of changes say. */
  async checkContent(): Promise<void> {
    const store = this.process?.store
    if (store === undefined) return
    const { values } = this.image()
    const listed = new Map<string, string>()
    for await (const page of store.list()) {
      for (const { key, value } of page) listed.set(key, Buffer.from(value).toString('latin1'))
    }
    mustHold(isSame(listed, values), 'the listing is the content', () => this.name)
    const copy = this.process?.reader?.copy ?? new Map<string, string>()
    mustHold(
      isSame(copy, values),
      'who follows the changes has the content',
      () => `${this.name}: ${JSON.stringify([...copy])} is not ${JSON.stringify([...values])}`
    )
    mustHold(
      this.#keysAtOpen === undefined || store.growth === values.size - this.#keysAtOpen,
      'the growth is the difference of content',
      () => `${this.name}: ${store.growth}, from ${String(this.#keysAtOpen)} to ${values.size}`
    )
    mustHold(this.process?.waiting === 0, 'every commit is answered', () => this.name)
    await store.idle()
    const { queuedJobs, waitingOperations } = await store.stats()
    mustHold(queuedJobs + waitingOperations === 0, 'at rest no work is left', () => this.name)
  }
}

function describe(operation: CrdtOperation): string {
  if (operation.type === 'delete') return `deletes ${operation.key}`
  return `puts ${operation.key} ${Buffer.from(operation.value).toString('latin1')}`
}

function isSimulated(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith(SIMULATED)
}

/** What a store may answer to a commit. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'ERR_CRDT_QUEUE_FULL' || error.code === 'ERR_CRDT_CLOSED'
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
