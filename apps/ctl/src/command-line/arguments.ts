import { parseDuration } from '@cluster/api'
import type { Flag } from './command.ts'
import { UsageError } from './usage-error.ts'

/** The flags and words of a command line. */
export class Arguments {
  readonly #flags: ReadonlyMap<string, Flag>
  readonly #given: ReadonlyMap<string, readonly string[]>
  readonly #env: NodeJS.ProcessEnv
  /** What is no flag, in order. */
  readonly operands: readonly string[]

  constructor(
    flags: readonly Flag[],
    given: ReadonlyMap<string, readonly string[]>,
    operands: readonly string[],
    env: NodeJS.ProcessEnv = {}
  ) {
    this.#flags = new Map(flags.map((flag) => [flag.names[0], flag]))
    this.#given = given
    this.#env = env
    this.operands = operands
  }

  /** Whether a flag was given at all. */
  has(name: string): boolean {
    return this.#given.has(name)
  }

  text(name: string): string {
    const flag = this.#flags.get(name)
    const env = flag?.env === undefined ? undefined : this.#env[flag.env]
    return this.#given.get(name)?.at(-1) ?? env ?? flag?.fallback ?? ''
  }

  list(name: string): readonly string[] {
    return this.#given.get(name) ?? []
  }

  isOn(name: string): boolean {
    return parseSwitch(this.#given.get(name)?.at(-1) ?? 'false') === true
  }

  integer(name: string): number {
    return parseInteger(this.text(name)) ?? 0
  }
}

/** Words that were read as flags up to the first that is none. */
export interface ParsedWords {
  readonly args: Arguments
  /** What follows, when reading ended at the first word that is no flag. */
  readonly rest: readonly string[]
  readonly wantsHelp: boolean
}

/**
 * Reads words as Go's `flag` package does: one or two dashes mean the same, short flags are not joined, `--` ends the
 * flags.
 *
 * @param isInterspersed - whether flags may come after other words as well
 * @throws {UsageError} with the text of the reference
 * @see cli-config.md §0.1
 */
export function parseWords(
  words: readonly string[],
  flags: readonly Flag[],
  isInterspersed: boolean,
  env: NodeJS.ProcessEnv = {}
): ParsedWords {
  const byName = new Map(flags.flatMap((flag) => flag.names.map((name) => [name, flag] as const)))
  const given = new Map<string, string[]>()
  const forms = new Map<string, Set<string>>()
  const operands: string[] = []
  let wantsHelp = false
  let at = 0
  while (at < words.length) {
    const word = words[at] ?? ''
    if (word === '--') {
      at++
      if (isInterspersed) {
        operands.push(...words.slice(at))
        at = words.length
      }
      break
    }
    if (word.length < 2 || !word.startsWith('-')) {
      if (!isInterspersed) break
      operands.push(word)
      at++
      continue
    }
    at++
    const { name, value } = splitFlag(word)
    const flag = byName.get(name)
    if (flag === undefined) {
      if (name !== 'help' && name !== 'h') throw new UsageError(`flag provided but not defined: -${name}`)
      wantsHelp = true
      continue
    }
    const takesWord = value === undefined && flag.kind !== 'switch'
    const text = takesWord ? words[at++] : (value ?? 'true')
    if (text === undefined) throw new UsageError(`flag needs an argument: -${name}`)
    check(flag, name, text)
    const [key] = flag.names
    given.set(key, [...(given.get(key) ?? []), text])
    forms.set(key, (forms.get(key) ?? new Set()).add(name))
  }
  for (const [key, used] of forms) {
    const other = [...used].find((name) => name !== key)
    if (used.size > 1 && other !== undefined) {
      throw new UsageError(`Cannot use two forms of the same flag: ${other} ${key}`)
    }
  }
  return { args: new Arguments(flags, given, operands, env), rest: words.slice(at), wantsHelp }
}

function splitFlag(word: string): { name: string; value: string | undefined } {
  const body = word.replace(/^--?/, '')
  const at = body.indexOf('=', 1)
  if (body === '' || body.startsWith('-') || body.startsWith('=')) throw new UsageError(`bad flag syntax: ${word}`)
  return at === -1 ? { name: body, value: undefined } : { name: body.slice(0, at), value: body.slice(at + 1) }
}

function check({ kind }: Flag, name: string, text: string): void {
  const value = JSON.stringify(text)
  if (kind === 'switch' && parseSwitch(text) === undefined) {
    throw new UsageError(`invalid boolean value ${value} for -${name}: parse error`)
  }
  const isBad = (kind === 'integer' && parseInteger(text) === undefined) || (kind === 'duration' && !isDuration(text))
  if (isBad) throw new UsageError(`invalid value ${value} for flag -${name}: parse error`)
}

function parseSwitch(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined
}

/** Go's integers: decimal, `0x`, `0o` or a leading 0, `0b`; underscores between digits. */
function parseInteger(text: string): number | undefined {
  const match = /^([+-]?)(0x[\da-f_]+|0o?[0-7_]+|0b[01_]+|\d[\d_]*)$/i.exec(text)
  if (match === null || /__|_$/.test(text)) return undefined
  const [, sign = '', digits = ''] = match
  const plain = digits.replaceAll('_', '')
  const value = Number(/^0[0-7]+$/.test(plain) ? `0o${plain}` : plain)
  if (!Number.isSafeInteger(value)) return undefined
  return sign === '-' && value !== 0 ? -value : value
}

function isDuration(text: string): boolean {
  try {
    parseDuration(text)
    return true
  } catch {
    return false
  }
}
