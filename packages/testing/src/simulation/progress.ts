import type { WriteStream } from 'node:tty'

/** Time between two lines: on a terminal the line is rewritten, elsewhere lines add up. */
const TERMINAL_MS = 500
const LINE_MS = 10_000

/** One line on how far a long run is. */
export class Progress {
  readonly #out: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY'>>
  readonly #total: number
  readonly #done: () => number
  readonly #startMs = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(out: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY'>>, total: number, done: () => number) {
    this.#out = out
    this.#total = total
    this.#done = done
  }

  start(): void {
    const isTerminal = this.#out.isTTY === true
    this.#timer = setInterval(
      () => {
        this.#out.write(isTerminal ? `\r\u001b[K${this.#line()}` : `${this.#line()}\n`)
      },
      isTerminal ? TERMINAL_MS : LINE_MS
    )
  }

  stop(): void {
    clearInterval(this.#timer)
    if (this.#out.isTTY === true) this.#out.write('\r\u001b[K')
  }

  /** How many schedules ran, in what time. */
  summary(): string {
    const done = this.#done()
    return `${done} schedules in ${this.#seconds.toFixed(1)} s, ${(done / this.#seconds).toFixed(1)} a second`
  }

  get #seconds(): number {
    return (performance.now() - this.#startMs) / 1000
  }

  #line(): string {
    const done = this.#done()
    const rate = done / this.#seconds
    const left = rate > 0 ? `${Math.ceil((this.#total - done) / rate)} s left` : 'starting'
    return `${done} of ${this.#total} schedules, ${rate.toFixed(1)} a second, ${left}`
  }
}
