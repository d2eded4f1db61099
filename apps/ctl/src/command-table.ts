import { type CommandContext, isGroup, type CommandEntry } from './command-line/command.ts'
import { addCommand } from './commands/add-entry.ts'
import { completionCommands } from './commands/completion-commands.ts'
import { globalFlags } from './commands/flags.ts'
import { healthCommands } from './commands/health-commands.ts'
import { idCommand, ipfsCommands, peerCommands, versionCommand } from './commands/peer-commands.ts'
import { pinCommands } from './commands/pin-commands.ts'
import { statusCommands } from './commands/status-commands.ts'
import { upkeepCommands } from './commands/upkeep-commands.ts'

/** The name of the program. */
export const PROGRAM_NAME = 'ipfs-cluster-ctl'

/**
 * All commands, from which the parser, help and completion are made.
 *
 * @see cli-config.md §1.6
 */
export const commandTable: readonly CommandEntry[] = [
  idCommand,
  peerCommands,
  addCommand,
  pinCommands,
  ...statusCommands,
  versionCommand,
  healthCommands,
  ipfsCommands,
  ...upkeepCommands,
  completionCommands(() => commandTable, globalFlags),
  {
    name: 'commands',
    usage: 'list all commands',
    isHidden: true,
    run: ({ output }: CommandContext): void => {
      output.write(
        allNames()
          .map((name) => `${PROGRAM_NAME} ${name}\n`)
          .join('')
      )
    }
  }
]

function allNames(): string[] {
  const names = commandTable.flatMap((entry) =>
    isGroup(entry) ? [entry.name, ...entry.commands.map(({ name }) => `${entry.name} ${name}`)] : [entry.name]
  )
  return [...names, 'help']
}
