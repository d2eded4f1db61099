import { Command } from '@commander-js/extra-typings'
import { repository } from '@cluster/processes'

/** What the command line asks for. */
export interface StartOptions {
  /** File or folder to add. */
  readonly path: string
  /** End after the job instead of staying up. */
  readonly exit: boolean
  /** Forget the peers of earlier runs. */
  readonly fresh: boolean
  /** Where the peers live. */
  readonly data: string
}

/** Reads the command line; `--help` prints and exits. */
export function parseOptions(argv: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description('Starts a cluster of three peers on this machine, adds a file or folder to it and shows where it is.')
    .argument('[path]', 'file or folder to add', `${repository}README.md`)
    .option('--exit', 'stop the peers after that and exit', false)
    .option('--fresh', 'begin with new peers instead of those of the last run', false)
    .option('--data <folder>', 'where the peers live', `${repository}.data/start`)
    .addHelpText(
      'after',
      '\nExamples:\n  npm start                       the README, until Ctrl-C\n  npm start -- ./photos           a folder\n  npm start -- --fresh --exit     from nothing, and end\n'
    )
  const parsed = command.parse([...argv], { from: 'user' })
  return { path: parsed.processedArgs[0], ...parsed.opts() }
}
