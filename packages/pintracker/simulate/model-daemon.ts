import {
  ClusterError,
  IPFSPinStatus,
  pinsetKey,
  type IPFSPinInfo,
  type IpfsConnector,
  type IpfsConnectorEvents,
  type Pages,
  type Pin
} from '@cluster/api'
import { Violation, type SimulatedClock } from '@cluster/testing'
import type { AbortOptions } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import type { CID } from 'multiformats/cid'
import type { Dice } from './dice.ts'

/** Time without progress after which a pin is given up, as the connector does. */
const PIN_TIMEOUT_MS = 120_000
/** Time within which the connector wants an answer to other calls. */
const REQUEST_TIMEOUT_MS = 300_000
const LISTED = 3

interface Held {
  readonly cid: CID
  readonly type: IPFSPinStatus
}

/** How the daemon behaves now. */
export interface DaemonWeather {
  state: 'up' | 'down' | 'hung'
  /** Share of calls that fail. */
  errors: number
  maxLatencyMs: number
  /** Share of listings that break off. */
  brokenListings: number
  isFull: boolean
}

/** The daemon and the connector to it: what it holds outlives the tracker. */
export class ModelDaemon {
  readonly #clock: SimulatedClock
  readonly #dice: Dice
  readonly weather: DaemonWeather = { state: 'up', errors: 0, maxLatencyMs: 50, brokenListings: 0, isFull: false }
  /** What is pinned, by key. */
  readonly held = new Map<string, Held>()
  /** Content that nobody has. */
  readonly missing = new Set<string>()
  readonly #waiting = new Set<() => void>()
  calls = 0
  /** The first rule that was broken: thrown in a call it would only look like a failure of the daemon. */
  violation: Violation | undefined

  readonly #tell: (line: () => string) => void

  constructor(clock: SimulatedClock, dice: Dice, tell: (line: () => string) => void) {
    this.#clock = clock
    this.#dice = dice
    this.#tell = tell
  }

  /** A connector for a process. */
  connect(isKnown: (key: string) => boolean, maxPins: number): ModelConnector {
    return new ModelConnector(this, isKnown, maxPins)
  }

  hold({ cid, maxDepth }: Pin): void {
    const key = pinsetKey(cid)
    const type = maxDepth === 0 ? IPFSPinStatus.direct : IPFSPinStatus.recursive
    this.#tell(() => `the daemon pins ${key.slice(-6)}, depth ${maxDepth}`)
    // a recursive pin is not replaced by a direct one
    if (this.held.get(key)?.type !== IPFSPinStatus.recursive) this.held.set(key, { cid, type })
  }

  release(key: string): void {
    this.#tell(() => `the daemon unpins ${key.slice(-6)}`)
    this.held.delete(key)
  }

  mustHold(holds: boolean, invariant: string): void {
    if (!holds) this.violation ??= new Violation(invariant)
  }

  /** Its state changed: those that wait for it look again. */
  changed(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** Waits as a call does: for the latency, and for as long as the daemon hangs. */
  async answer(signal: AbortSignal | undefined): Promise<void> {
    this.calls += 1
    signal?.throwIfAborted()
    await this.wait(this.#dice.random() * this.weather.maxLatencyMs, signal)
    const untilMs = this.#clock.elapsedMs + REQUEST_TIMEOUT_MS
    while (this.weather.state === 'hung') {
      if (this.#clock.elapsedMs >= untilMs) throw new ClusterError('TIMEOUT', 'IPFS did not answer within 5m0s')
      await this.wait(untilMs - this.#clock.elapsedMs, signal)
    }
    if (this.weather.state === 'down') {
      throw new ClusterError('IPFS', 'IPFS request failed (is it running?): connection refused')
    }
    if (this.#dice.chance(this.weather.errors)) throw new ClusterError('IPFS', 'simulated: 500 with HTML')
  }

  /** Waits for so long, or until the daemon changed. */
  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) throw new Error('context canceled')
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        cancel()
        this.#waiting.delete(end)
        signal?.removeEventListener('abort', end)
        if (signal?.aborted === true) reject(new Error('context canceled'))
        else resolve()
      }
      const cancel = this.#clock.setTimer(this.#clock.nowMs() + ms, end)
      this.#waiting.add(end)
      signal?.addEventListener('abort', end)
    })
  }

  /** Fetches content: nothing comes of what nobody has. */
  async fetch(key: string, signal: AbortSignal | undefined, onProgress: (nodes: number) => void): Promise<void> {
    const untilMs = this.#clock.elapsedMs + PIN_TIMEOUT_MS
    while (this.missing.has(key) || this.weather.state === 'hung') {
      if (this.#clock.elapsedMs >= untilMs) {
        throw new ClusterError('TIMEOUT', 'pin operation timed out: no progress for 2m0s')
      }
      await this.wait(untilMs - this.#clock.elapsedMs, signal)
    }
    if (this.weather.state === 'down') throw new ClusterError('IPFS', 'IPFS broke off its answer')
    if (this.weather.isFull) throw new ClusterError('IPFS', 'no space left on device')
    if (this.#dice.chance(0.3)) {
      onProgress(1)
      await this.wait(this.#dice.random() * 20_000, signal)
    }
  }

  /** A listing that breaks off says so. */
  breaksOff(): boolean {
    return this.#dice.chance(this.weather.brokenListings)
  }

  /** What is aborted may have happened. */
  happensAnyway(): boolean {
    return this.#dice.chance(0.5)
  }
}

/** What one process knows of the daemon. */
export class ModelConnector
  extends TypedEventEmitter<IpfsConnectorEvents>
  implements Pick<IpfsConnector, 'pin' | 'unpin' | 'pinLs' | 'pinLsCid'>
{
  readonly #daemon: ModelDaemon
  readonly #isKnown: (key: string) => boolean
  readonly #maxPins: number
  readonly #running = new Set<string>()
  readonly #ends = new Set<AbortController>()
  #pins = 0
  #isAlive = true

  constructor(daemon: ModelDaemon, isKnown: (key: string) => boolean, maxPins: number) {
    super()
    this.#daemon = daemon
    this.#isKnown = isKnown
    this.#maxPins = maxPins
  }

  get running(): number {
    return this.#running.size
  }

  /** The process died: what is under way happens or not, and nobody hears of it. */
  kill(): void {
    this.#isAlive = false
    for (const end of this.#ends) end.abort()
  }

  pin(pin: Pin, options: AbortOptions & { onProgress?(nodes: number): void }): Promise<void> {
    if (!this.#isAlive) return never()
    this.#daemon.mustHold(this.#pins < this.#maxPins, 'no more pins run at once than may')
    this.#pins += 1
    const key = pinsetKey(pin.cid)
    const work = async (signal: AbortSignal): Promise<void> => {
      await this.#daemon.answer(signal)
      const found = this.#daemon.held.get(key)?.type
      if (found !== IPFSPinStatus.recursive && (found === undefined || pin.maxDepth !== 0)) {
        await this.#daemon.fetch(key, signal, (nodes) => options.onProgress?.(nodes))
      }
    }
    const isThere = (): boolean => !this.#daemon.missing.has(key) && this.#daemon.weather.state === 'up'
    return this.#call(
      key,
      options,
      work,
      () => {
        this.#daemon.hold(pin)
      },
      isThere
    ).finally(() => {
      this.#pins -= 1
    })
  }

  unpin(cid: CID, options: AbortOptions): Promise<void> {
    if (!this.#isAlive) return never()
    const key = pinsetKey(cid)
    this.#daemon.mustHold(this.#isKnown(key), 'nothing is unpinned that was never part of the pinset')
    return this.#call(
      key,
      options,
      (signal) => this.#daemon.answer(signal),
      () => {
        this.#daemon.release(key)
      },
      () => this.#daemon.weather.state === 'up'
    )
  }

  async pinLsCid({ cid, maxDepth }: Pin, { signal }: AbortOptions): Promise<IPFSPinStatus> {
    if (!this.#isAlive) await never()
    await this.#daemon.answer(signal)
    const type = this.#daemon.held.get(pinsetKey(cid))?.type ?? IPFSPinStatus.unpinned
    return type === IPFSPinStatus.direct && maxDepth !== 0 ? IPFSPinStatus.unpinned : type
  }

  async *pinLs(types: readonly ('recursive' | 'direct')[], { signal }: AbortOptions): Pages<IPFSPinInfo> {
    if (!this.#isAlive) await never()
    await this.#daemon.answer(signal)
    const wanted = types.map((type): IPFSPinStatus => IPFSPinStatus[type])
    const pins = [...this.#daemon.held.values()].filter(({ type }) => wanted.includes(type))
    const isBroken = this.#daemon.breaksOff()
    for (let at = 0; at < pins.length; at += LISTED) {
      if (isBroken && at > pins.length / 2) throw new ClusterError('IPFS', 'IPFS broke off its answer (pin/ls)')
      yield pins.slice(at, at + LISTED)
      await this.#daemon.answer(signal)
    }
    if (isBroken) throw new ClusterError('IPFS', 'IPFS broke off its answer (pin/ls)')
  }

  async #call(
    key: string,
    { signal }: AbortOptions,
    work: (signal: AbortSignal) => Promise<void>,
    happen: () => void,
    canHappen: () => boolean
  ): Promise<void> {
    this.#daemon.mustHold(!this.#running.has(key), 'one request at a time for a CID')
    this.#running.add(key)
    const end = new AbortController()
    this.#ends.add(end)
    const onAbort = (): void => {
      end.abort()
    }
    signal?.addEventListener('abort', onAbort)
    try {
      if (signal?.aborted === true) throw new Error('context canceled')
      await work(end.signal)
      happen()
    } catch (error) {
      if (end.signal.aborted && canHappen() && this.#daemon.happensAnyway()) happen()
      if (this.#isAlive) throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#ends.delete(end)
      this.#running.delete(key)
    }
    if (!this.#isAlive) await never()
  }
}

/** A dead process gets no answers. */
function never(): Promise<never> {
  return new Promise(() => undefined)
}
