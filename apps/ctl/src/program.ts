import { CLUSTER_VERSION } from '@cluster/api'
import { parseWords, type Arguments, type ParsedWords } from './command-line/arguments.ts'
import { isGroup, type CommandEntry, type Flag, type LeafCommand } from './command-line/command.ts'
import { commandHelp, programHelp } from './command-line/help.ts'
import { suggestionFor } from './command-line/suggestion.ts'
import { UsageError } from './command-line/usage-error.ts'
import { commandTable, PROGRAM_NAME } from './command-table.ts'
import { globalFlags } from './commands/flags.ts'
import { connect } from './connection/connect.ts'
import { secretOf } from './connection/endpoints.ts'
import { examples } from './examples.ts'
import { exitCodes, Failure, MisuseError } from './failure.ts'
import { Output, type Encoding } from './output.ts'

const DESCRIPTION = `Controls an IPFS cluster over the REST API of one of its peers.

Examples:
  ipfs-cluster-ctl add -r ./photos
  ipfs-cluster-ctl pin add --name docs --replication 2 --wait QmX…
  ipfs-cluster-ctl --host /ip4/10.0.0.7/tcp/9094 status --filter pin_error
  ipfs-cluster-ctl help pin add

Options in front of the command are for the connection; those of a command come after its name.
Exit codes: 0 success, 1 an error here or no answer, 2 an error of the API, 3 no such command,
62 the time of a wait is over, 125 interrupted.`

const versionFlag: Flag = { names: ['version', 'v'], kind: 'switch', usage: 'print the version' }

/**
 * Runs `ipfs-cluster-ctl`.
 *
 * @param words - the command line after the name of the program
 * @param env - where `CLUSTER_CREDENTIALS`, `SSL_CERT_FILE` and `NO_COLOR` are looked for
 * @throws {Failure}, {@link MisuseError} or `ApiError`, of which `reportOf` makes text and exit code
 * @see cli-config.md §1
 */
export async function execute(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const help = helpOfProgram()
  const globals = parsed(words, [...globalFlags, versionFlag], false, 'Incorrect Usage. ', help, env)
  if (globals.wantsHelp) {
    process.stdout.write(help)
    return
  }
  if (globals.args.isOn('version')) {
    process.stdout.write(`${PROGRAM_NAME} version ${CLUSTER_VERSION}\n`)
    return
  }
  const { args, rest } = globals
  secretOf(args.text('secret'))
  const output = new Output(checkedEncoding(args.text('encoding')), env)
  const client = await connect(
    {
      hosts: args.text('host'),
      secret: args.text('secret'),
      isHttps: args.isOn('https'),
      verifiesCertificates: !args.isOn('no-check-certificate'),
      timeoutSeconds: args.integer('timeout'),
      isDebug: args.isOn('debug'),
      basicAuth: args.text('basic-auth'),
      forcesHttp: args.isOn('force-http')
    },
    env
  )
  try {
    const command = findCommand(rest)
    if (typeof command === 'string') output.write(command)
    else await command.leaf.run({ client, output, args: command.args })
  } finally {
    client.close()
  }
}

/** The encoding that errors are told in. */
export function encodingOf(words: readonly string[]): Encoding {
  try {
    const { args } = parseWords(words, [...globalFlags, versionFlag], false)
    return args.text('encoding') === 'json' ? 'json' : 'text'
  } catch {
    return 'text'
  }
}

/** The command of some words with its arguments, or the help that they ask for. */
function findCommand(words: readonly string[]): { leaf: LeafCommand; args: Arguments } | string {
  const [name, ...rest] = words
  if (name === undefined) return helpOfProgram()
  if (isHelpWord(name)) return helpOn(rest, commandTable, PROGRAM_NAME, helpOfProgram())
  const entry = entryNamed(name, commandTable)
  const path = `${PROGRAM_NAME} ${name}`
  if (!isGroup(entry)) return leafOf(entry, path, rest)
  const help = helpOf(path, entry)
  const group = parsed(rest, [], false, 'Incorrect Usage. ', help)
  const [subname, ...others] = group.rest
  if (group.wantsHelp || subname === undefined) return help
  if (isHelpWord(subname)) return helpOn(others, entry.commands, path, help)
  const leaf = entryNamed(subname, entry.commands)
  return leafOf(leaf, `${path} ${subname}`, others)
}

function leafOf(
  leaf: LeafCommand,
  path: string,
  words: readonly string[]
): { leaf: LeafCommand; args: Arguments } | string {
  const help = helpOf(path, leaf)
  const { args, wantsHelp } = parsed(words, leaf.flags ?? [], true, 'Incorrect Usage: ', help)
  return wantsHelp ? help : { leaf, args }
}

function parsed(
  words: readonly string[],
  flags: readonly Flag[],
  isInterspersed: boolean,
  prefix: string,
  help: string,
  env?: NodeJS.ProcessEnv
): ParsedWords {
  try {
    return parseWords(words, flags, isInterspersed, env)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const typed = /^flag provided but not defined: -(.*)$/.exec(error.message)?.[1]
    const known = flags.flatMap(({ names }) => names)
    const meant = typed === undefined ? undefined : suggestionFor(typed, known)
    const hint = meant === undefined ? '' : ` (did you mean --${meant}?)`
    throw new MisuseError(`${prefix}${error.message}${hint}\n\n${help}`, 'stdout', exitCodes.local)
  }
}

function helpOn(words: readonly string[], entries: readonly CommandEntry[], path: string, help: string): string {
  const [name, ...rest] = words
  // `help --help` asks for the same.
  if (name === undefined || isHelpWord(name) || name.startsWith('-')) return help
  const entry = entryNamed(name, entries)
  const text = helpOf(`${path} ${name}`, entry)
  return isGroup(entry) ? helpOn(rest, entry.commands, `${path} ${name}`, text) : text
}

/** Help with its examples. */
function helpOf(path: string, entry: CommandEntry): string {
  return commandHelp(path, entry, examples[path.slice(PROGRAM_NAME.length + 1)])
}

function entryNamed<T extends CommandEntry>(name: string, entries: readonly T[]): T {
  const entry = entries.find((candidate) => candidate.name === name)
  if (entry !== undefined) return entry
  const shown = entries.filter(({ isHidden }) => isHidden !== true)
  const meant = suggestionFor(
    name,
    shown.map((candidate) => candidate.name)
  )
  const hint = meant === undefined ? '' : `Did you mean '${meant}'?\n`
  throw new MisuseError(`No help topic for '${name}'\n${hint}`, 'stderr', exitCodes.unknownCommand)
}

function helpOfProgram(): string {
  const usage = 'CLI for IPFS Cluster'
  const text = { name: PROGRAM_NAME, usage, version: CLUSTER_VERSION, description: DESCRIPTION, flags: globalFlags }
  return programHelp(text, commandTable)
}

function checkedEncoding(encoding: string): Encoding {
  if (encoding === 'text' || encoding === 'json') return encoding
  throw new Failure('', 'unsupported encoding')
}

const isHelpWord = (word: string): boolean => word === 'help' || word === 'h'
