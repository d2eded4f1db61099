import { ApiError } from './api-error.ts'

/** One event of a stream of `text/event-stream`. */
export interface ServerEvent {
  /** Where to go on; of the last event that had one. */
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Longest event: a pin with all its metadata is far below. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024

/**
 * Server-sent events of a body. Comments and unknown fields are skipped, as the specification says; an event that is not
 * whole at the end is dropped.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* serverEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  let id = ''
  let event = ''
  let data: string[] = []
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true })
    // A carriage return at the end may be half of a line end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, event: event === '' ? 'message' : event, data: data.join('\n') }
        event = ''
        data = []
        continue
      }
      const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
      if (name === 'id' && !value.includes('\0')) id = value
      else if (name === 'event') event = value
      else if (name === 'data') data.push(value)
    }
    const length = rest.length + data.reduce((sum, line) => sum + line.length, 0)
    if (length > MAX_EVENT_LENGTH) throw new ApiError('UNEXPECTED', 200, `an event is longer than ${MAX_EVENT_LENGTH}`)
  }
}
