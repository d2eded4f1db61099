import type { Command } from '@commander-js/extra-typings'
import { InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { cleanState } from './cleanup-command.ts'
import { compactState } from './compact-command.ts'
import { crdtDot, crdtInfo, crdtMark } from './crdt-commands.ts'
import { exportState } from './export-command.ts'
import { importState } from './import-command.ts'
import type { StateCommandContext } from './open-state.ts'

/** The exit code for a word that is no command, as scripts know it. */
const UNKNOWN_COMMAND = 3

const integer = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('Expected a whole number.')
  return value
}

/**
 * The commands of `ipfs-cluster-service state`.
 *
 * @param context - what the options in front of the command say
 * @see cli-config.md §2.7
 */
export function addStateCommands(root: Command, context: () => Promise<StateCommandContext>): void {
  const state = group(root, 'state', "the peer's pinset, while it does not run")
  state
    .command('export')
    .description('write the pinset as JSON, one pin a line')
    .option('-f, --file <file>', 'to this file instead of standard output')
    .action(async (options) => exportState(await context(), options, process.stdout))
  state
    .command('import')
    .description('replace the pinset by that of an export')
    .argument('[file]', 'standard input if absent')
    .option('-f, --force', 'replace without asking')
    .addOption(
      option('--rmin, --replication-min <n>', 'give every pin this fewest copies').default(0).argParser(integer)
    )
    .addOption(option('--rmax, --replication-max <n>', 'give every pin this most copies').default(0).argParser(integer))
    .addOption(
      option('--allocs, --allocations <peers>', 'give every pin to these comma-separated peer IDs').default('')
    )
    .action(async (file, options) => importState(await context(), file, options, process.stdin))
  state
    .command('cleanup')
    .description('remove the pinset and its history from this peer')
    .option('-f, --force', 'remove without asking')
    .action(async (options) => cleanState(await context(), options))
  state
    .command('compact')
    .description('replace the history by one that holds only the present pinset; all peers must do it')
    .option('--expect <digest>', 'what it prints without this option, equal on all peers')
    .action(async (options) => compactState(await context(), options, process.stdout))

  const crdt = group(state, 'crdt', 'the history of the pinset of a peer with crdt consensus')
  crdt
    .command('info')
    .description('print the heads of the history')
    .action(async () => crdtInfo(await context(), process.stdout))
  crdt
    .command('dot')
    .description('write the history in the language of Graphviz')
    .option('-f, --file <file>', 'to this file instead of standard output')
    .action(async (options) => crdtDot(await context(), options, process.stdout))
  crdt
    .command('mark-dirty')
    .description('have the history checked at the next start')
    .action(async () => crdtMark(await context(), true, process.stdout))
  crdt
    .command('mark-clean')
    .description('take a mark-dirty back')
    .action(async () => crdtMark(await context(), false, process.stdout))
}

const option = (flags: string, description: string): Option => new Option(flags, description)

/** A command that has only others below it: alone it prints help. */
function group(parent: Command, name: string, description: string): Command {
  const command = parent.command(name).description(description)
  command.argument('[command]').usage('[command]')
  command.action((word?: unknown) => {
    if (typeof word !== 'string') command.outputHelp()
    else {
      process.stderr.write(`No help topic for '${word}'\n`)
      process.exitCode = UNKNOWN_COMMAND
    }
  })
  return command
}
