const LAYOUT = '2006-01-02T15:04:05Z07:00'

/** The parts of the layout in order: what stands for each, its form, and the values it may have. */
const parts: readonly (readonly [element: string, form: RegExp, range?: readonly [number, number, string]])[] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d\d/, [1, 12, 'month']],
  ['-', /^-/],
  ['02', /^\d\d/, [1, 31, 'day']],
  ['T', /^T/],
  ['15', /^\d\d/, [0, 23, 'hour']],
  [':', /^:/],
  ['04', /^\d\d/, [0, 59, 'minute']],
  [':', /^:/],
  ['05', /^\d\d(?:[.,]\d+)?/, [0, 59, 'second']],
  ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/]
]

/**
 * What is wrong with the text of an RFC 3339 time, in the words of the reference.
 *
 * @see http-apis.md §3.13
 */
export function timeComplaint(text: string): string {
  const quoted = JSON.stringify(text)
  let rest = text
  for (const [element, form, range] of parts) {
    const [found] = form.exec(rest) ?? []
    if (found === undefined) {
      return `parsing time ${quoted} as "${LAYOUT}": cannot parse ${JSON.stringify(rest)} as "${element}"`
    }
    const value = Number.parseInt(found, 10)
    if (range !== undefined && (value < range[0] || value > range[1])) {
      return `parsing time ${quoted}: ${range[2]} out of range`
    }
    rest = rest.slice(found.length)
  }
  if (rest !== '') return `parsing time ${quoted}: extra text: ${JSON.stringify(rest)}`
  return `parsing time ${quoted}: day out of range`
}
