import { type BaseContext, type IPFSID, isClusterError } from '@cluster/api'

/** Time between two questions while the daemon has never answered, in milliseconds. */
const PROBE_INTERVAL_MS = 1000
/** How long one of these questions may take. */
const PROBE_TIMEOUT_MS = 10_000
/** Questions between two warnings. */
const PROBES_PER_WARNING = 10

/** What a {@link DaemonWatch} works with. */
export interface DaemonWatchInit extends Pick<BaseContext, 'log' | 'clock'> {
  /** Where the daemon is, for people. */
  readonly address: string
  /** 0 = the daemons are never connected. */
  readonly connectSwarmsDelayMs: number
  readonly probe: (limitMs: number) => Promise<IPFSID>
  readonly onSwarmsDue: () => void
}

/**
 * Knows when the daemon can be used for the first time, and when it came back: each time the daemons of all peers must
 * be connected with each other anew.
 *
 * @see behaviours.md §5.10
 */
export class DaemonWatch {
  readonly #init: DaemonWatchInit
  readonly #ready = Promise.withResolvers<undefined>()
  readonly #cancels = new Map<'probe' | 'swarms', () => void>()
  #isReady = false
  #isLost = false
  #isStopped = false
  #probes = 0

  constructor(init: DaemonWatchInit) {
    this.#init = init
  }

  start(): void {
    if (!this.#isStopped) void this.#probe()
  }

  stop(): void {
    this.#isStopped = true
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }

  async ready(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the caller aborted with
        reject(signal.reason)
      }
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      void this.#ready.promise.then(() => {
        signal.removeEventListener('abort', stop)
        resolve()
      })
    })
  }

  /** Learns from a question that somebody else asked. */
  async heard(answer: Promise<IPFSID>, signal: AbortSignal): Promise<IPFSID> {
    try {
      const id = await answer
      this.#answered()
      return id
    } catch (error) {
      if (!signal.aborted && isClusterError(error, 'IPFS', 'TIMEOUT')) this.#isLost = true
      throw error
    }
  }

  async #probe(): Promise<void> {
    const { log, probe, address } = this.#init
    try {
      await probe(PROBE_TIMEOUT_MS)
    } catch (error) {
      if (this.#isStopped) return
      this.#probes += 1
      if (this.#probes === 1) log.info(`waiting for the IPFS daemon at ${address}`)
      if (this.#probes % PROBES_PER_WARNING === 0) {
        log.warn(`ipfs does not seem to be available after ${this.#probes} retries`, { error })
      }
      this.#later('probe', PROBE_INTERVAL_MS, () => void this.#probe())
      return
    }
    if (!this.#isStopped) this.#answered()
  }

  #answered(): void {
    if (this.#isReady && !this.#isLost) return
    this.#isReady = true
    this.#isLost = false
    this.#ready.resolve(undefined)
    const { connectSwarmsDelayMs, onSwarmsDue } = this.#init
    if (connectSwarmsDelayMs > 0) this.#later('swarms', connectSwarmsDelayMs, onSwarmsDue)
  }

  #later(what: 'probe' | 'swarms', delayMs: number, work: () => void): void {
    if (this.#isStopped) return
    const { clock } = this.#init
    this.#cancels.get(what)?.()
    this.#cancels.set(what, clock.setTimer(clock.nowMs() + delayMs, work))
  }
}
