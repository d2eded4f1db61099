const INTEGER = /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)$/
const FLOAT = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/
const yes: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True']
const no: readonly string[] = ['0', 'f', 'F', 'FALSE', 'false', 'False']

function refused(parser: string, text: string, why = 'invalid syntax'): SyntaxError {
  return new SyntaxError(`strconv.${parser}: parsing ${JSON.stringify(text)}: ${why}`)
}

/**
 * Reads a whole number as Go does: the base by its prefix (`0x`, `0o`, `0b`, a leading `0`), `_` between digits, no
 * blanks.
 *
 * @throws {SyntaxError} with Go's text; also for what a JavaScript number cannot hold exactly
 * @see cli-config.md §4.6
 */
export function readInteger(text: string, unsigned = false): number {
  const parser = unsigned ? 'ParseUint' : 'ParseInt'
  const match = INTEGER.exec(text)
  if (match?.[2] === undefined || (unsigned && match[1] !== '')) throw refused(parser, text)
  const digits = match[2].replaceAll('_', '').replace(/^0(?=[0-7])/, '0o')
  const value = Number(digits) * (match[1] === '-' ? -1 : 1)
  if (!Number.isSafeInteger(value)) throw refused(parser, text, 'value out of range')
  return value === 0 ? 0 : value
}

/** Reads a floating-point number. @throws {SyntaxError} with Go's text */
export function readFloat(text: string): number {
  if (!FLOAT.test(text)) throw refused('ParseFloat', text)
  const value = Number(text)
  if (!Number.isFinite(value)) throw refused('ParseFloat', text, 'value out of range')
  return value
}

/** Reads `true`, `t`, `1` and the like. @throws {SyntaxError} with Go's text */
export function readBoolean(text: string): boolean {
  if (yes.includes(text)) return true
  if (no.includes(text)) return false
  throw refused('ParseBool', text)
}

/** Splits at commas without trimming; blanks alone are no element. */
export function readList(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',')
}

/** Reads `key:value,key2:value2`. @throws {SyntaxError} for an item without exactly one colon */
export function readMap(text: string): [string, string][] {
  return readList(text).map((item) => {
    const [key, value, ...rest] = item.split(':')
    if (key !== undefined && value !== undefined && rest.length === 0) return [key, value]
    throw new SyntaxError(`invalid map item: ${JSON.stringify(item)}`)
  })
}

/** Words that Go writes in capitals within the name of a field. */
const INITIALISMS: readonly string[] = ['cors', 'gc', 'gp', 'https', 'wal', 'zstd']

/**
 * The error of an environment variable whose text is not of the type of its option.
 *
 * @param key - the JSON key of the option
 * @param shown - the text, or what stands for it where it is a secret
 * @see cli-config.md §4.6
 */
export function assignmentError(name: string, key: string, shown: string, goType: string, details: string): string {
  const capital = (word: string): string =>
    INITIALISMS.includes(word) ? word.toUpperCase() : word.slice(0, 1).toUpperCase() + word.slice(1)
  const field = key.split('_').map(capital).join('')
  return `envconfig.Process: assigning ${name} to ${field}: converting '${shown}' to type ${goType}. details: ${details}`
}
