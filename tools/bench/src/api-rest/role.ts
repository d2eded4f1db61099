/** What the process that is asked serves. */
export type ServerRole =
  /** The API, over a core that costs next to nothing. */
  | 'api'
  /** The same, and after each listing a line that says how many bytes were held at most, more than before it. */
  | 'api-held'
  /** `GET /id` by hono and nothing else. */
  | 'bare-hono'
  /** `POST /add` by the same parser and adder and nothing else. */
  | 'bare-add'

/** The objects of the listing. */
export const PINS = Number(process.env['BENCH_PINS'] ?? 1_000_000)
