import {
  CLUSTER_VERSION,
  parseContentPath,
  PinType,
  pinTypeFromString,
  TrackerStatus,
  trackerStatusFromString
} from '@cluster/api'
import { consensusHealthToJSON, globalPinInfoToJSON, idToJSON, pinToJSON, versionToJSON } from '@cluster/wire'
import type { ClusterClient } from '@cluster/client'
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { add } from './add-command.ts'
import { connect, encodingOf } from './connection.ts'
import { Failure } from './failure.ts'
import { formatConsensusHealth } from './format-consensus-health.ts'
import { formatId } from './format-id.ts'
import { formatPin } from './format-pin.ts'
import { formatStatus } from './format-status.ts'
import { Output } from './output.ts'
import { parseCid, pinOptionsOf } from './pin-arguments.ts'
import { addServiceCommands, addUpkeepCommands } from './upkeep-commands.ts'
import { showResult } from './wait.ts'

const integer = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('Expected a whole number.')
  return value
}
const collect = (text: string, list: readonly string[] = []): readonly string[] => [...list, text]
const examples = `
Examples:
  ipfs-cluster-ctl add -r ./photos
  ipfs-cluster-ctl pin add --name docs --replication 2 --wait QmX…
  ipfs-cluster-ctl --host /ip4/10.0.0.7/tcp/9094 status --filter pin_error
`

/**
 * The commands of `ipfs-cluster-ctl`.
 *
 * @param env - where `CLUSTER_CREDENTIALS` is looked for
 * @see cli-config.md §1
 */
export function program(env: NodeJS.ProcessEnv): Command {
  const root = new Command('ipfs-cluster-ctl')
    .description('Controls an IPFS cluster over the REST API of one of its peers.')
    .version(`ipfs-cluster-ctl version ${CLUSTER_VERSION}`, '-v, --version')
    .option('-l, --host <address>', 'address of the API', '/ip4/127.0.0.1/tcp/9094')
    .addOption(new Option('--enc, --encoding <form>', 'text or json').default('text'))
    .addOption(new Option('--basic-auth <user:password>', 'credentials [$CLUSTER_CREDENTIALS]'))
    .addHelpText('after', examples)
    .configureHelp({ helpWidth: 118 })

  const run = (command: (client: ClusterClient, output: Output) => Promise<void>): Promise<void> => {
    const options = { basicAuth: env['CLUSTER_CREDENTIALS'], ...root.opts() }
    const output = new Output(encodingOf(options))
    const client = connect(options)
    return command(client, output).finally(() => {
      client.close()
    })
  }

  root
    .command('id')
    .description('show the peer that is asked')
    .action(() =>
      run(async (client, output) => {
        output.print(await client.id(), formatId, idToJSON)
      })
    )

  const peers = root.command('peers').description('the peers of the cluster')
  peers
    .command('ls')
    .description('list them')
    .action(() => run((client, output) => output.printEach(client.peers(), formatId, idToJSON)))

  root
    .command('add')
    .description('add files or folders and pin them')
    .argument('[path...]', 'files, folders, or URLs whose content is fetched')
    .option('-r, --recursive', 'take folders with what is in them')
    .option('-q, --quiet', 'print CIDs only')
    .option('-Q, --quieter', 'print the last CID only')
    .option('--no-stream', 'print everything at the end')
    .option('--local', 'store the blocks at this peer only')
    .option('-n, --name <name>', 'name of the pin')
    .addOption(new Option('--rmin, --replication-min <n>', 'fewest copies; -1 for every peer').argParser(integer))
    .addOption(new Option('--rmax, --replication-max <n>', 'most copies; -1 for every peer').argParser(integer))
    .option('--expire-in <duration>', 'unpin after this time, such as 24h')
    .option('--metadata <key=value>', 'say more about the pin; may be repeated', collect)
    .addOption(new Option('--allocs, --allocations <peers>', 'comma-separated IDs of peers to prefer'))
    .option('--no-pin', 'store the blocks without pinning them')
    .option('--wait', 'wait until it is pinned')
    .addOption(new Option('--wt, --wait-timeout <duration>', 'stop waiting after this time'))
    .option('-w, --wrap-with-directory', 'put everything into one directory')
    .option('--format <name>', 'unixfs, or car for a CAR file whose blocks are taken as they are', 'unixfs')
    .option('--layout <name>', 'shape of the DAG: balanced or trickle', '')
    .option('--shard', 'spread the content over the cluster in parts, each with its own holders')
    .addOption(new Option('--shard-size <bytes>', 'most bytes of one part').argParser(integer))
    .option('-H, --hidden', 'take files whose name begins with a dot')
    .option('-s, --chunker <chunker>', 'how files are cut: size-N, rabin-MIN-AVG-MAX or buzhash', 'size-262144')
    .option('--raw-leaves', 'leaves without a UnixFS wrapper')
    .option('--cid-version <version>', '0 or 1', integer, 0)
    .option('--hash <name>', 'hash function', 'sha2-256')
    .option('--nocopy', 'note where the content comes from; for URLs only')
    .action((paths, flags) => run((client, output) => add(client, output, paths, flags)))

  const pin = root.command('pin').description('the pinset')
  pin
    .command('add')
    .description('pin a CID or a path')
    .argument('<cid|path>')
    .option('-r, --replication <n>', 'copies; -1 for every peer', integer)
    .addOption(new Option('--rmin, --replication-min <n>', 'fewest copies').argParser(integer))
    .addOption(new Option('--rmax, --replication-max <n>', 'most copies').argParser(integer))
    .addOption(new Option('--allocs, --allocations <peers>', 'comma-separated IDs of peers to prefer'))
    .option('-n, --name <name>', 'name of the pin')
    .addOption(new Option('--mode <mode>', 'recursive or direct').default('recursive'))
    .option('--expire-in <duration>', 'unpin after this time, such as 24h')
    .option('--metadata <key=value>', 'say more about the pin; may be repeated', collect)
    .addOption(new Option('--ns, --no-status', 'print the pin instead of its status'))
    .option('-w, --wait', 'wait until it is pinned')
    .addOption(new Option('--wl, --wait-limit <n>', 'peers to wait for').argParser(integer))
    .addOption(new Option('--wt, --wait-timeout <duration>', 'stop waiting after this time'))
    .action((path, flags) =>
      run(async (client, output) => {
        const pinned = await client.pinPath(pathOf(path), pinOptionsOf(flags, Date.now()))
        await showResult(client, output, pinned, TrackerStatus.pinned, flags)
      })
    )
  pin
    .command('rm')
    .description('unpin a CID or a path')
    .argument('<cid|path>')
    .addOption(new Option('--ns, --no-status', 'print the pin instead of its status'))
    .option('-w, --wait', 'wait until it is unpinned')
    .addOption(new Option('--wl, --wait-limit <n>', 'peers to wait for').argParser(integer))
    .addOption(new Option('--wt, --wait-timeout <duration>', 'stop waiting after this time'))
    .action((path, flags) =>
      run(async (client, output) => {
        await showResult(client, output, await client.unpinPath(pathOf(path)), TrackerStatus.unpinned, flags)
      })
    )
  pin
    .command('ls')
    .description('list the pinset, or one pin of it')
    .argument('[cid]')
    .option('--filter <types>', 'comma-separated: all, pin, meta-pin, clusterdag-pin, shard-pin', 'all')
    .action((cid, { filter }) =>
      run(async (client, output) => {
        if (cid !== undefined) output.print(await client.allocation(parseCid(cid)), formatPin, pinToJSON)
        else await output.printEach(client.allocations(typesOf(filter)), formatPin, pinToJSON)
      })
    )

  root
    .command('status')
    .description('show what the peers have made of the pinset, or of some CIDs')
    .argument('[cid...]')
    .option('--local', 'ask this peer only')
    .option('--filter <statuses>', 'comma-separated, such as pin_error,pinning', '')
    .action((cids, { local = false, filter }) =>
      run(async (client, output) => {
        const [first, ...others] = cids.map(parseCid)
        const statuses = statusesOf(filter)
        if (first === undefined) {
          await output.printEach(client.statusAll({ local, filter: statuses }), formatStatus, globalPinInfoToJSON)
        } else if (others.length === 0) {
          output.print(await client.status(first, { local }), formatStatus, globalPinInfoToJSON)
        } else {
          const all = client.statusAll({ local, cids: [first, ...others] })
          await output.printEach(all, formatStatus, globalPinInfoToJSON)
        }
      })
    )

  const health = root.command('health').description('how the peer that is asked is')
  health
    .command('consensus')
    .description('show where its copy of the pinset stands: what it has, what is missing, and why')
    .action(() =>
      run(async (client, output) => {
        output.print(await client.consensusHealth(), formatConsensusHealth, consensusHealthToJSON)
      })
    )

  addServiceCommands(peers, run)
  addUpkeepCommands(root, run, integer)

  root
    .command('version')
    .description('show the version of the peer that is asked')
    .action(() =>
      run(async (client, output) => {
        output.print(await client.version(), ({ version }) => `${version}\n`, versionToJSON)
      })
    )
  return root
}

/** A bare CID stands for the path below `/ipfs`. */
function pathOf(text: string): string {
  try {
    return parseContentPath(text).text
  } catch (error) {
    throw new Failure('', error)
  }
}

function typesOf(filter: string): { types?: readonly number[] } {
  const types = filter.split(',').map((name) => pinTypeFromString(name.trim()))
  const known = types.filter((type) => type !== PinType.bad)
  return known.includes(PinType.all) || known.length === 0 ? {} : { types: known }
}

function statusesOf(filter: string): TrackerStatus {
  const statuses = trackerStatusFromString(filter)
  if (filter !== '' && statuses === TrackerStatus.undefined) {
    throw new Failure('parsing filter flag', 'invalid filter name')
  }
  return statuses
}
