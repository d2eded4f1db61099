import { explanationToJSON } from '@cluster/wire'
import type { CommandContext, LeafCommand } from '../command-line/command.ts'
import { formatExplanation } from '../format-upkeep.ts'
import { parseCid, pinOptionsOf } from '../pin-arguments.ts'
import { dryRunFlag, replicationFlags } from './flags.ts'
import { showMoves } from './moves.ts'
import { pinFlagsOf } from './pin-commands.ts'

/** The commands that look after pins. Peers of the reference do not know them. */
export const upkeepCommands: readonly LeafCommand[] = [
  {
    name: 'repair',
    usage: 'give pins with too few or too many copies what they need',
    flags: [dryRunFlag],
    run: ({ client, output, args }) => showMoves(output, client.repair({ dryRun: args.isOn('dry-run') }))
  },
  {
    name: 'rebalance',
    usage: 'move pins from the peers that hold most to those that hold fewest',
    flags: [dryRunFlag],
    run: ({ client, output, args }) => showMoves(output, client.rebalance({ dryRun: args.isOn('dry-run') }))
  },
  {
    name: 'explain',
    usage: 'show which peers would hold a pin, and why the others would not',
    operands: '[CID]',
    description: 'Without a CID, or with flags, a pin is imagined.',
    flags: replicationFlags,
    run: async ({ client, output, args }: CommandContext): Promise<void> => {
      const [cid] = args.operands
      const isImagined = cid === undefined || replicationFlags.some(({ names }) => args.has(names[0]))
      const options = isImagined ? pinOptionsOf(pinFlagsOf(args), Date.now()) : undefined
      const explanation = await client.explain(cid === undefined ? undefined : parseCid(cid), options)
      output.print(explanation, formatExplanation, explanationToJSON)
    }
  }
]
