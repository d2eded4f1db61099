import type { ClusterClient } from '@cluster/client'
import type { Output } from '../output.ts'
import type { Arguments } from './arguments.ts'

/** How the value of a flag is read. */
type FlagKind = 'text' | 'list' | 'switch' | 'integer' | 'duration'

/** A flag of a command. */
export interface Flag {
  /** Without dashes; the first is its name, the others are aliases. */
  readonly names: readonly [string, ...string[]]
  readonly kind: FlagKind
  readonly usage: string
  /** When it is not given; else the empty text, 0 or false. */
  readonly fallback?: string
  /** A variable of the environment that is its value when it is not given. */
  readonly env?: string
  /** The values that a shell offers. */
  readonly values?: readonly string[]
}

/** A command line after the name of the program, and what it does. */
export type Example = readonly [words: string, what: string]

/** What a command works with. */
export interface CommandContext {
  readonly client: ClusterClient
  readonly output: Output
  readonly args: Arguments
}

/** A command that does something. */
export interface LeafCommand {
  readonly name: string
  readonly usage: string
  /** More about it, for its help. */
  readonly description?: string
  /** Its arguments, such as `<CID|Path>`. */
  readonly operands?: string
  readonly flags?: readonly Flag[]
  /** Neither in help nor in completion. */
  readonly isHidden?: boolean
  readonly run: (context: CommandContext) => void | Promise<void>
}

/** A command that has others. */
export interface CommandGroup {
  readonly name: string
  readonly usage: string
  readonly isHidden?: boolean
  readonly commands: readonly LeafCommand[]
}

/** An entry of the table of commands. */
export type CommandEntry = LeafCommand | CommandGroup

/** Whether an entry has commands below it. */
export function isGroup(entry: CommandEntry): entry is CommandGroup {
  return 'commands' in entry
}
