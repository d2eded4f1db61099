import type { Clock, Logger } from '@cluster/api'

/** By itself everything is compared with IPFS no more often than this: a daemon that comes and goes must not be kept
 * busy with listings. */
const MIN_INTERVAL_MS = 300_000

interface HealingContext {
  readonly clock: Clock
  readonly log: Logger
  /** Finds out what is missing, and takes it up. */
  heal(): Promise<void>
}

/** Decides when to compare everything with IPFS because the daemon came back: soon, one at a time, not too often. */
export class Healing {
  readonly #context: HealingContext
  #notBeforeMs = 0
  #state: 'idle' | 'waiting' | 'running' | 'stopped' = 'idle'
  /** The daemon came back while it was being compared. */
  #again = false
  #cancel: () => void = () => undefined
  #run: Promise<void> = Promise.resolve()

  constructor(context: HealingContext) {
    this.#context = context
  }

  /** The daemon came back. */
  due(): void {
    if (this.#state === 'running') this.#again = true
    if (this.#state !== 'idle') return
    this.#state = 'waiting'
    const { clock } = this.#context
    const nowMs = clock.nowMs()
    // a clock that was set back would put it off for as long
    const notBeforeMs = Math.min(this.#notBeforeMs, nowMs + MIN_INTERVAL_MS)
    this.#cancel = clock.setTimer(Math.max(nowMs, notBeforeMs), () => {
      this.#state = 'running'
      this.#run = this.#heal()
    })
  }

  /** Everything was compared, because of this or for another reason. */
  audited(): void {
    this.#notBeforeMs = this.#context.clock.nowMs() + MIN_INTERVAL_MS
  }

  stop(): void {
    this.#state = 'stopped'
    this.#cancel()
  }

  /** Resolves when nothing is being compared. */
  async idle(): Promise<void> {
    await this.#run
  }

  async #heal(): Promise<void> {
    const { clock, log } = this.#context
    let failed = false
    try {
      await this.#context.heal()
    } catch (error) {
      failed = true
      this.#notBeforeMs = clock.nowMs() + MIN_INTERVAL_MS
      if (!this.#isStopped) log.error('cannot find out what IPFS has; it is asked again later', { error })
    }
    if (this.#isStopped) return
    this.#state = 'idle'
    if (failed || this.#again) this.due()
    this.#again = false
  }

  get #isStopped(): boolean {
    return this.#state === 'stopped'
  }
}
