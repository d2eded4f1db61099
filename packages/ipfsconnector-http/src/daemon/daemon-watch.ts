import type { BaseContext, IPFSID } from '@cluster/api'

/** Time between two questions while the daemon does not answer, in milliseconds. */
const PROBE_INTERVAL_MS = 1000
/** How long one of these questions may take. */
const PROBE_TIMEOUT_MS = 10_000
/** Questions between two warnings at the start; later the warnings become rare, since a daemon may be down for days. */
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
 * be connected with each other anew. Until then it asks once a second who the daemon is.
 *
 * @see behaviours.md §5.10
 */
export class DaemonWatch {
  readonly #init: DaemonWatchInit
  readonly #ready = Promise.withResolvers<undefined>()
  readonly #cancels = new Map<'probe' | 'swarms', () => void>()
  #state: 'idle' | 'probing' | 'content' | 'stopped' = 'idle'
  #probes = 0
  #id: string | undefined

  constructor(init: DaemonWatchInit) {
    this.#init = init
  }

  start(): void {
    if (this.#state === 'idle') this.#begin()
  }

  stop(): void {
    this.#state = 'stopped'
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }

  /** Calls have found the daemon dead. */
  lost(): void {
    if (this.#state !== 'content') return
    this.#state = 'probing'
    this.#probes = 0
    this.#later('probe', PROBE_INTERVAL_MS, () => void this.#probe())
  }

  /** Resolves when the daemon said for the first time who it is; that is never taken back. */
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

  #begin(): void {
    this.#state = 'probing'
    void this.#probe()
  }

  async #probe(): Promise<void> {
    const { log, probe, address } = this.#init
    let answer: IPFSID
    try {
      answer = await probe(PROBE_TIMEOUT_MS)
    } catch (error) {
      if (this.#state === 'stopped') return
      this.#probes += 1
      if (this.#probes === 1) log.info(`waiting for the IPFS daemon at ${address}`)
      if (isWarningDue(this.#probes / PROBES_PER_WARNING, this.#id === undefined)) {
        log.warn(`ipfs does not seem to be available after ${this.#probes} retries`, { error })
      }
      this.#later('probe', PROBE_INTERVAL_MS, () => void this.#probe())
      return
    }
    if (this.#state !== 'stopped') this.#answered(answer.id?.toString())
  }

  #answered(id: string | undefined): void {
    const { log, connectSwarmsDelayMs, onSwarmsDue } = this.#init
    if (this.#id !== undefined && id !== this.#id) {
      log.warn('the IPFS daemon has another identity than before: what was pinned may be gone', {
        id,
        before: this.#id
      })
    }
    this.#id = id
    this.#state = 'content'
    this.#ready.resolve(undefined)
    if (connectSwarmsDelayMs > 0) this.#later('swarms', connectSwarmsDelayMs, onSwarmsDue)
  }

  #later(what: 'probe' | 'swarms', delayMs: number, work: () => void): void {
    const { clock } = this.#init
    this.#cancels.get(what)?.()
    this.#cancels.set(what, clock.setTimer(clock.nowMs() + delayMs, work))
  }
}

/** The first, second, third… of a start; the first, second, fourth, eighth… of what is known to have worked. */
function isWarningDue(turn: number, isStart: boolean): boolean {
  return Number.isInteger(turn) && (isStart || Number.isInteger(Math.log2(turn)))
}
