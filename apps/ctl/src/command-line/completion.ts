import { isGroup, type CommandEntry, type Flag } from './command.ts'

/**
 * The words that may stand in place of the last one.
 *
 * @param words - what was typed after the name of the program; the last is unfinished, or empty
 */
export function candidatesFor(
  words: readonly string[],
  entries: readonly CommandEntry[],
  globalFlags: readonly Flag[]
): string[] {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  let flags = globalFlags
  let level: readonly CommandEntry[] | undefined = entries
  let awaited: Flag | undefined
  for (const word of before) {
    if (awaited !== undefined) {
      awaited = undefined
    } else if (word.startsWith('-')) {
      awaited = word.includes('=') ? undefined : flagFor(word, flags)
    } else {
      const entry: CommandEntry | undefined = level?.find(({ name }) => name === word)
      if (entry === undefined) continue
      flags = isGroup(entry) ? [] : (entry.flags ?? [])
      level = isGroup(entry) ? entry.commands : undefined
    }
  }
  const all =
    awaited !== undefined
      ? (awaited.values ?? [])
      : typed.startsWith('-')
        ? [...flags.map(({ names }) => `--${names[0]}`), '--help']
        : (level ?? []).filter(({ isHidden }) => isHidden !== true).map(({ name }) => name)
  return all.filter((word) => word.startsWith(typed))
}

/** The flag of a word, if it takes a value. */
function flagFor(word: string, flags: readonly Flag[]): Flag | undefined {
  const name = word.replace(/^--?/, '')
  return flags.find(({ names, kind }) => kind !== 'switch' && names.includes(name))
}
