/** Where a progress bar is drawn. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Shown at most every so many milliseconds. */
const STEP_MS = 100
/** The rate is that of about the last so many milliseconds. */
const RATE_WINDOW_MS = 3000
const BAR_WIDTH = 24
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** One line that says how much was uploaded, how fast, and how long the rest takes. */
export class ProgressBar {
  /** Bytes in all; `undefined` while they are not known. */
  total: number | undefined
  readonly #terminal: Terminal
  readonly #nowMs: () => number
  #shownMs = -Infinity
  #isDrawn = false
  #rate: number | undefined
  #before: { readonly atMs: number; readonly bytes: number }

  constructor(terminal: Terminal, nowMs: () => number = () => performance.now()) {
    this.#terminal = terminal
    this.#nowMs = nowMs
    this.#before = { atMs: nowMs(), bytes: 0 }
  }

  /** A bar, if somebody looks and nothing else was asked for. */
  static on(terminal: Terminal, isQuiet: boolean): ProgressBar | undefined {
    return terminal.isTTY === true && !isQuiet ? new ProgressBar(terminal) : undefined
  }

  /** So many bytes have been uploaded. */
  show(bytes: number): void {
    const nowMs = this.#nowMs()
    if (nowMs - this.#shownMs < STEP_MS) return
    this.#shownMs = nowMs
    this.#measure(bytes, nowMs)
    const text = this.#text(bytes)
    // A line that does not fit would be broken, and could not be taken away again.
    this.#terminal.write(`\r\u001B[K${text.slice(0, (this.#terminal.columns ?? 80) - 1)}`)
    this.#isDrawn = true
  }

  /** Takes the line away, so that something else can be printed; the next {@link show} draws it again. */
  clear(): void {
    if (!this.#isDrawn) return
    this.#terminal.write('\r\u001B[K')
    this.#isDrawn = false
    this.#shownMs = -Infinity
  }

  #measure(bytes: number, nowMs: number): void {
    const { atMs, bytes: earlier } = this.#before
    const passed = nowMs - atMs
    if (passed < STEP_MS) return
    const rate = ((bytes - earlier) * 1000) / passed
    const weight = Math.min(1, passed / RATE_WINDOW_MS)
    this.#rate = this.#rate === undefined ? rate : this.#rate + weight * (rate - this.#rate)
    this.#before = { atMs: nowMs, bytes }
  }

  #text(bytes: number): string {
    const rate = this.#rate === undefined ? '' : `  ${sizeText(this.#rate)}/s`
    const { total } = this
    if (total === undefined || total === 0 || bytes > total) return `${sizeText(bytes)}${rate}`
    const full = Math.round((bytes / total) * BAR_WIDTH)
    const bar = '='.repeat(full) + ' '.repeat(BAR_WIDTH - full)
    const percent = Math.floor((bytes / total) * 100).toString()
    const left = this.#rate === undefined || this.#rate <= 0 ? '' : `  ${timeText((total - bytes) / this.#rate)} left`
    return `${sizeText(bytes)} of ${sizeText(total)} [${bar}] ${percent}%${rate}${left}`
  }
}

/**
 * Bytes for people: `12 MB`.
 *
 * @see cli-config.md §0.6
 */
export function sizeText(bytes: number): string {
  if (bytes < 10) return `${Math.floor(bytes).toString()} B`
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const rounded = Math.floor(value * 10 + 0.5) / 10
  return `${unit > 0 && rounded < 10 ? rounded.toFixed(1) : Math.round(rounded).toString()} ${UNITS[unit] ?? ''}`
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds)
  const two = (value: number): string => value.toString().padStart(2, '0')
  if (whole < 60) return `${whole.toString()}s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? `${minutes.toString()}m${two(whole % 60)}s`
    : `${Math.floor(minutes / 60).toString()}h${two(minutes % 60)}m`
}
