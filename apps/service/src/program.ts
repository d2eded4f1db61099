import { CLUSTER_VERSION, type ComponentDescriptor } from '@cluster/api'
import { builtIns } from '@cluster/peer'
import { Command, Option } from '@commander-js/extra-typings'
import { daemon } from './daemon-command.ts'
import { folderOf, loggingOf } from './global-options.ts'
import { init } from './init-command.ts'
import { addStateCommands } from './state/state-program.ts'

/** A component of a kind by its name; a new folder gets the first unless told otherwise. */
function choice<Flags extends string>(flags: Flags, description: string, kind: keyof typeof builtIns) {
  const names = builtIns[kind].map((descriptor: ComponentDescriptor) => descriptor.name)
  return new Option(flags, description).choices(names).default(names[0] ?? '')
}

/**
 * The commands of `ipfs-cluster-service`.
 *
 * @see cli-config.md §2
 */
export function program(env: NodeJS.ProcessEnv): Command {
  const root = new Command('ipfs-cluster-service')
    .description('Runs a peer of an IPFS cluster.')
    .version(`ipfs-cluster-service version ${CLUSTER_VERSION}`, '-v, --version')
    .option(
      '-c, --config <folder>',
      'folder of configuration and data (default: "~/.ipfs-cluster") [$IPFS_CLUSTER_PATH]'
    )
    .option('-d, --debug', 'log everything')
    .option('-l, --loglevel <levels>', 'LEVEL or FACILITY:LEVEL, comma-separated [$IPFS_CLUSTER_LOG_LEVEL]')
    .addOption(new Option('-f, --force').hideHelp())
    .addHelpText('after', examples)
    .configureHelp({ helpWidth: 118 })
    // -f in front of the command and behind it are not the same
    .enablePositionalOptions()

  root
    .command('init')
    .description('write service.json, identity.json and peerstore for a new peer')
    .addOption(choice('--consensus <name>', 'how peers agree', 'consensus'))
    .addOption(choice('--datastore <name>', 'where the peer keeps its data', 'datastore'))
    .addOption(choice('--ipfs <name>', 'the IPFS side: embedded needs no daemon beside the peer', 'ipfs_connector'))
    .option('-s, --custom-secret', 'ask for the cluster secret instead of making one')
    .option('--peers <addresses>', 'comma-separated addresses of other peers, each ending in /p2p/<peer ID>')
    .option('-f, --force', 'overwrite without asking')
    .option('--randomports', 'listen on ports that are free now')
    .action((options) => init(folderOf(root.opts(), env), options, env))

  root
    .command('daemon')
    .description('run the peer until Ctrl-C')
    .option('-j, --bootstrap <addresses>', 'comma-separated addresses of peers to join')
    .option('--no-trust', 'do not trust the peers of --bootstrap')
    .option('--stats', 'answer scrapes of Prometheus')
    .addOption(new Option('-x, --leave', 'leave the peerset when stopped').hideHelp())
    .addOption(new Option('-u, --upgrade').hideHelp())
    .action(async (options) => daemon(folderOf(root.opts(), env), options, await loggingOf(root.opts(), env), env))

  addStateCommands(root, async () => ({
    baseDir: folderOf(root.opts(), env),
    env,
    logging: await loggingOf(root.opts(), env)
  }))

  root
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`${CLUSTER_VERSION}\n`)
    })
  return root
}

const examples = `
Examples:
  ipfs-cluster-service init --ipfs embedded     a new peer with IPFS inside
  ipfs-cluster-service daemon                   run it
  ipfs-cluster-service -c ./second daemon --bootstrap /ip4/127.0.0.1/tcp/9096/p2p/12D3KooW…
`
