import type { Move, ServiceState } from '@cluster/api'
import type { ClusterClient } from '@cluster/client'
import { explanationToJSON, moveToJSON, peerServiceToJSON } from '@cluster/wire'
import { Option, type Command } from '@commander-js/extra-typings'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { Failure } from './failure.ts'
import { formatExplanation, formatMove, formatService } from './format-upkeep.ts'
import type { Output } from './output.ts'
import { parseCid, pinOptionsOf, type PinFlags } from './pin-arguments.ts'

/** Runs a command with a client and what prints its results. */
export type Run = (command: (client: ClusterClient, output: Output) => Promise<void>) => Promise<void>

/**
 * The commands about single peers: which take new pins, and which are to be emptied. Peers of the reference do not know
 * them.
 *
 * @param peers - the command `peers`
 */
export function addServiceCommands(peers: Command, run: Run): void {
  peers
    .command('services')
    .description('list the peers that take no new pins, and those that are being emptied')
    .action(() => run((client, output) => output.printEach(client.services(), formatService, peerServiceToJSON)))
  const setting = (name: string, state: ServiceState, description: string): void => {
    peers
      .command(name)
      .description(description)
      .argument('<peer>')
      .action((peer) =>
        run(async (client, output) => {
          output.print(await client.setService(parsePeer(peer), state), formatService, peerServiceToJSON)
        })
      )
  }
  setting('cordon', 'cordoned', 'give a peer no new pins; it keeps those it has')
  setting('uncordon', 'active', 'let a peer take new pins again')
  peers
    .command('drain')
    .description('give all pins of a peer to others, and no new ones to it')
    .argument('<peer>')
    .option('--dry-run', 'only show what would be done')
    .action((peer, { dryRun = false }) =>
      run((client, output) => showMoves(output, client.drain(parsePeer(peer), { dryRun })))
    )
  peers
    .command('replace')
    .description('give all pins of a peer, which may be lost, to another one')
    .argument('<old>')
    .argument('<new>')
    .option('--dry-run', 'only show what would be done')
    .action((old, by, { dryRun = false }) =>
      run((client, output) => showMoves(output, client.replace(parsePeer(old), parsePeer(by), { dryRun })))
    )
}

/** The commands that look after pins. Peers of the reference do not know them. */
export function addUpkeepCommands(root: Command, run: Run, integer: (text: string) => number): void {
  root
    .command('repair')
    .description('give pins with too few or too many copies what they need')
    .option('--dry-run', 'only show what would be done')
    .action(({ dryRun = false }) => run((client, output) => showMoves(output, client.repair({ dryRun }))))
  root
    .command('rebalance')
    .description('move pins from the peers that hold most to those that hold fewest')
    .option('--dry-run', 'only show what would be done')
    .action(({ dryRun = false }) => run((client, output) => showMoves(output, client.rebalance({ dryRun }))))
  root
    .command('explain')
    .description('show which peers would hold a pin, and why the others would not')
    .argument('[cid]', 'a pin of the pinset; without it, or with options, one is imagined')
    .option('-r, --replication <n>', 'copies; -1 for every peer', integer)
    .addOption(new Option('--rmin, --replication-min <n>', 'fewest copies').argParser(integer))
    .addOption(new Option('--rmax, --replication-max <n>', 'most copies').argParser(integer))
    .addOption(new Option('--allocs, --allocations <peers>', 'comma-separated IDs of peers to prefer'))
    .action((cid, flags: PinFlags) =>
      run(async (client, output) => {
        const isImagined = cid === undefined || Object.keys(flags).length > 0
        const options = isImagined ? pinOptionsOf(flags, Date.now()) : undefined
        const explanation = await client.explain(cid === undefined ? undefined : parseCid(cid), options)
        output.print(explanation, formatExplanation, explanationToJSON)
      })
    )
}

/** Prints moves as they come. What was not moved makes the command fail at its end. */
async function showMoves(output: Output, moves: AsyncIterable<Move>): Promise<void> {
  let count = 0
  let left = 0
  for await (const move of moves) {
    count += 1
    if (move.error !== '') left += 1
    output.print(move, formatMove, moveToJSON)
  }
  if (left > 0) throw new Failure('moving pins', `${left.toString()} of ${count.toString()} stay where they are`)
}

function parsePeer(text: string): PeerId {
  try {
    return peerIdFromString(text)
  } catch (error) {
    throw new Failure('parsing peer ID', error)
  }
}
