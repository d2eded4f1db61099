/** What a schedule tells while it runs. */
export interface SimulationReport {
  /** The step that is done now, from 1; set by the schedule. */
  step: number
  /**
   * Takes a line on what happens. Only there when a failed schedule is replayed, so that lines cost nothing before:
   * `report.trace?.(\`peer ${name} crashed\`)`.
   */
  readonly trace: ((line: string) => void) | undefined
  /** Steps that the schedule should have. */
  readonly steps: number
}

/** Lines of a trace that are kept: the last ones. */
const MAX_TRACE_LINES = 1000

/** A report that keeps the last lines, each with its step. */
export class TracingReport implements SimulationReport {
  step = 0
  readonly steps: number
  readonly #lines: string[] = []
  readonly trace: (line: string) => void

  constructor(steps: number) {
    this.steps = steps
    this.trace = (line) => {
      this.#lines.push(`step ${this.step}: ${line}`)
      if (this.#lines.length >= 2 * MAX_TRACE_LINES) this.#lines.splice(0, MAX_TRACE_LINES)
    }
  }

  /** The last lines. */
  get lines(): readonly string[] {
    return this.#lines.slice(-MAX_TRACE_LINES)
  }
}
