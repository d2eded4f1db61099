type LogLine = (text: string, fields?: object) => void

/** Where a component writes its log lines. Secrets never go in. */
export interface Logger {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
  /** A logger for a part of the component, with a level of its own. */
  child(facility: string): Logger
}
