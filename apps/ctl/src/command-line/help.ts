import { isGroup, type CommandEntry, type Example, type Flag, type LeafCommand } from './command.ts'

/** No line of a help page is longer. */
const MAX_COLUMNS = 120
const INDENT = '   '

/** What the help of a whole program says. */
export interface ProgramText {
  readonly name: string
  readonly usage: string
  readonly version: string
  readonly description: string
  readonly flags: readonly Flag[]
}

/**
 * Help of the program: its commands and global options.
 *
 * @see cli-config.md §0.1
 */
export function programHelp(program: ProgramText, entries: readonly CommandEntry[]): string {
  const { name, usage, version, description, flags } = program
  return page([
    ['NAME', [`${name} - ${usage}`]],
    ['USAGE', [`${name} [global options] command [command options] [arguments...]`]],
    ['VERSION', [version]],
    ['DESCRIPTION', description.split('\n')],
    ['COMMANDS', commandRows([...entries, HELP_ENTRY])],
    ['GLOBAL OPTIONS', flagRows(flags, [HELP_ROW, ['--version, -v', 'print the version']])]
  ])
}

/** Help of a command, or of a group of them. */
export function commandHelp(path: string, entry: CommandEntry, examples: readonly Example[] = []): string {
  if (isGroup(entry)) {
    return page([
      ['NAME', [`${path} - ${entry.usage}`]],
      ['USAGE', [`${path} command [command options] [arguments...]`]],
      ['COMMANDS', commandRows(entry.commands)],
      ['OPTIONS', flagRows([], [HELP_ROW])]
    ])
  }
  const program = path.split(' ', 1)[0] ?? ''
  const { usage, description = '', operands = '', flags = [] } = entry
  return page([
    ['NAME', [`${path} - ${usage}`]],
    ['USAGE', [[path, '[command options]', operands].filter((word) => word !== '').join(' ')]],
    ['DESCRIPTION', [...aboutOf(description, examples.length > 0), ...exampleRows(program, examples)]],
    ['OPTIONS', flagRows(flags, [HELP_ROW])]
  ])
}

function aboutOf(description: string, isFollowed: boolean): string[] {
  if (description === '') return []
  return [...description.split('\n'), ...(isFollowed ? [''] : [])]
}

/** What a command line does stands beside it; below it when there is no room. */
function exampleRows(program: string, examples: readonly Example[]): string[] {
  if (examples.length === 0) return []
  const lines = examples.map(([words, what]) => [`  ${program} ${words}`, `# ${what}`] as const)
  const width = Math.max(...lines.map(([line]) => line.length)) + 2
  const fits = lines.every(([, what]) => INDENT.length + width + what.length <= MAX_COLUMNS)
  return ['Examples:', ...lines.flatMap(([line, what]) => (fits ? [line.padEnd(width) + what] : [`  ${what}`, line]))]
}

const HELP_ROW = ['--help, -h', 'show help'] as const
const HELP_ENTRY: LeafCommand = {
  name: 'help, h',
  usage: 'show the commands, or help for one',
  run: () => undefined
}

/** The words of a flag as help shows them. */
function wordsOf({ names, kind }: Flag): string {
  const value = kind === 'switch' ? '' : ' value'
  return names.map((name) => `${name.length === 1 ? '-' : '--'}${name}${value}`).join(', ')
}

function defaultOf({ kind, fallback = '' }: Flag): string {
  if (kind === 'integer') return ` (default: ${fallback === '' ? '0' : fallback})`
  if (kind === 'duration') return ` (default: ${fallback === '' ? '0s' : fallback})`
  return kind === 'switch' || fallback === '' ? '' : ` (default: ${JSON.stringify(fallback)})`
}

function flagRows(flags: readonly Flag[], more: readonly (readonly [string, string])[]): string[] {
  const own = flags.map((flag) => {
    const env = flag.env === undefined ? '' : ` [$${flag.env}]`
    return [wordsOf(flag), flag.usage + defaultOf(flag) + env] as const
  })
  return columns([...own, ...more])
}

function commandRows(entries: readonly CommandEntry[]): string[] {
  return columns(entries.filter(({ isHidden }) => isHidden !== true).map(({ name, usage }) => [name, usage]))
}

/** Two columns; what does not fit into a line goes on in the next, below its column. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, MAX_COLUMNS - width - INDENT.length)
    return lines.map((line, index) => (index === 0 ? left : '').padEnd(width) + line)
  })
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

function page(sections: readonly (readonly [string, readonly string[]])[]): string {
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}:\n${lines.map((line) => `${INDENT}${line}`.trimEnd()).join('\n')}\n`)
    .join('\n')
}
